// The server that wild requests are sent to: the fixtures, without those that wait for the test or fail on purpose.
import path from 'node:path'

export const fuzzed = {
  AUTH_MODE: 'noauth',
  RATE_LIMIT_MAX: '0',
  LOG_LEVEL: 'warn',
  LOG_FORMAT: 'json',
  TOOL_TIMEOUT_SECONDS: '2',
  TOOLS_DIR: path.join(import.meta.dirname, '../tools'),
  TOOLS_DISABLED: 'wait,bake,must_bake,bake_alone,bake_quickly,explode,bake_too_much,web_search,get_weather'
}
