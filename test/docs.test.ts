// The reference pages say what the code says. Links are followed in docs/links.test.ts.
import { parseEnv } from 'node:util'
import t from 'tap'
import { current, pages } from '../docs/generate.ts'
import { readConfig } from '../plugins/config.ts'

t.test('every reference page is up to date', async t => {
  for (const [file, text] of await pages()) t.equal(current(file), text, `${file} says what the code says; if not, run: ./mcpx docs`)
})

t.test('the example file, taken over whole, changes nothing', async t => {
  const taken = current('.env.example').replaceAll(/^#(?=[A-Z_]+=)/gm, '')
  t.ok(Object.keys(parseEnv(taken)).length > 20)
  t.same(readConfig(parseEnv(taken), ''), readConfig({}, ''))
})

t.test('every setting that the requirements name is documented', async t => {
  const page = current('docs/configuration.md')
  for (const name of [
    'MCP_SERVER_HOST', 'MCP_SERVER_PORT', 'MCP_SERVER_NAME', 'AUTH_MODE', 'AUTH_DB_PATH', 'JWT_SECRET_KEY', 'JWT_ACCESS_TOKEN_EXPIRE_MINUTES',
    'JWT_REFRESH_TOKEN_EXPIRE_DAYS', 'OPENAI_API_KEY', 'WEATHER_API_KEY', 'CERTBOT_EMAIL', 'LOG_LEVEL', 'LOG_FORMAT'
  ]) t.match(page, `| \`${name}\` |`)
})
