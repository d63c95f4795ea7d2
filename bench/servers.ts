// The servers that are compared: how each is started, and what it speaks.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { ToolSet } from './tools.ts'

export type Era = '2026' | '2025'

export interface ServerKind {
  id: string
  label: string
  /** The first is the one it is measured in when one has to do. */
  eras: Era[]
  /** Whether its figures are compared with MCPX's as those of a rival. */
  peer: boolean
  /** Serves sessions only. */
  session?: boolean
  /** Asks for an access token. */
  guarded?: boolean
  /** Has metrics, and somebody who reads them. */
  scraped?: boolean
  /** Has to be built for its port and tools. */
  built?: boolean
  command: (start: Start) => { file: string, env: NodeJS.ProcessEnv, flags?: string[] }
}

export interface Start { port: number, metricsPort: number, tools: ToolSet, folder: string, mcpx: string }

const here = import.meta.dirname
const script = (name: string): ServerKind['command'] => ({ port, tools, folder }) => ({
  file: path.join(here, 'servers', `${name}.ts`),
  env: { PORT: String(port), BENCH_TOOLS: tools, ANSWERS: path.join(folder, '..', `answers-${tools}.json`) }
})
const mcpx = (env: (start: Start) => NodeJS.ProcessEnv): ServerKind['command'] => start => ({
  file: path.join(start.mcpx, 'server.ts'),
  flags: ofStartScript(start.mcpx, '--'),
  env: { ...Object.fromEntries(ofStartScript(start.mcpx, 'MALLOC_').map(word => word.split('='))), MCP_SERVER_PORT: String(start.port), AUTH_DB_PATH: path.join(start.folder, 'auth.db'), TOOLS_DIR: path.join(here, 'mcpx-tools'), BENCH_TOOLS: start.tools, ...env(start) }
})

/** What the script that MCPX is started with has of a kind: its flags, its settings of the allocator. */
function ofStartScript (mcpx: string, prefix: string): string[] {
  const { scripts } = JSON.parse(readFileSync(path.join(mcpx, 'package.json'), 'utf8')) as { scripts: { start: string } }
  return scripts.start.split(' ').filter(word => word.startsWith(prefix))
}

export const SERVERS: ServerKind[] = [
  {
    id: 'mcpx-noauth',
    label: 'MCPX noauth',
    eras: ['2026', '2025'],
    peer: false,
    command: mcpx(() => ({ AUTH_MODE: 'noauth', LOG_LEVEL: 'silent', RATE_LIMIT_MAX: '0' }))
  },
  {
    id: 'mcpx-oauth',
    label: 'MCPX oauth, limits, metrics, log',
    eras: ['2026', '2025'],
    peer: false,
    guarded: true,
    scraped: true,
    // A limit that is never reached is looked up all the same.
    command: mcpx(({ metricsPort }) => ({
      AUTH_MODE: 'oauth', LOG_LEVEL: 'info', LOG_FORMAT: 'json', RATE_LIMIT_MAX: '1000000000', METRICS_PORT: String(metricsPort), JWT_ACCESS_TOKEN_EXPIRE_MINUTES: '1440'
    }))
  },
  { id: 'limit', label: 'bare Fastify (the limit)', eras: ['2026'], peer: false, command: script('limit') },
  { id: 'sdk-v2', label: 'SDK v2 on Fastify', eras: ['2026', '2025'], peer: true, command: script('sdk-v2-fastify') },
  { id: 'sdk-v1', label: 'SDK v1 on Express', eras: ['2025'], peer: true, command: script('sdk-v1-express') },
  { id: 'fastmcp', label: 'fastmcp', eras: ['2025'], peer: true, command: script('fastmcp') },
  { id: 'hono', label: '@hono/mcp', eras: ['2025'], peer: true, command: script('hono') },
  { id: 'mcp-framework', label: 'mcp-framework', eras: ['2025'], peer: true, session: true, command: script('mcp-framework') },
  {
    id: 'xmcp',
    label: 'xmcp',
    eras: ['2026', '2025'],
    peer: true,
    built: true,
    command: ({ tools, folder }) => ({ file: path.join(folder, 'dist', 'http.js'), env: { BENCH_TOOLS: tools } })
  }
]
