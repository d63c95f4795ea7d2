// Assistants at a terminal, as far as they go without an account: adding the server, signing in at it, and connecting.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { type Client, native, type Place, script, type Seen } from '../client.ts'
import { lastOf, run } from '../command.ts'

const [system, processor] = [process.platform, process.arch]
const claude = () => native('@anthropic-ai/claude-code', `@anthropic-ai/claude-code-${system}-${processor}`, 'claude')
const opencode = () => native('opencode-ai', `opencode-${system}-${processor}`, 'bin/opencode')

export const clients: Client[] = [
  { name: 'Claude Code', package: '@anthropic-ai/claude-code', by: 'browser', documents: true, program: claude, drive: claudeCode, driven: '`claude mcp add`, `login` and `list`' },
  { name: 'Codex', package: '@openai/codex', by: 'browser', documents: true, drive: codex, driven: '`codex mcp add`, `login` and `list`' },
  { name: 'Gemini CLI', package: '@google/gemini-cli', by: 'browser', drive: gemini, driven: '`gemini mcp add` and `list`',
    known: 'Its sign-in begins at its own prompt (`/mcp auth mcpx`), where the bench does not type yet: this failure is the bench\'s, not the client\'s.' },
  { name: 'OpenCode', package: 'opencode-ai', by: 'browser', program: opencode, drive: openCode, driven: '`opencode mcp auth` and `list`' }
]

async function claudeCode (place: Place): Promise<Seen> {
  const program = claude() as string
  const env = { DISABLE_AUTOUPDATER: '1', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' }
  await run(place, program, ['mcp', 'add', '--transport', 'http', 'mcpx', place.url], { env })
  if (place.way !== 'open') await run(place, program, ['mcp', 'login', 'mcpx'], { env, terminal: true })
  return connected(await run(place, program, ['mcp', 'list'], { env }), /mcpx: .*Connected/)
}

async function codex (place: Place): Promise<Seen> {
  const program = script('@openai/codex', 'codex')
  await run(place, process.execPath, [program, 'mcp', 'add', 'mcpx', '--url', place.url])
  const listed = await run(place, process.execPath, [program, 'mcp', 'list'])
  return connected(listed, place.way === 'open' ? /mcpx .*enabled/ : /mcpx .*OAuth/)
}

async function gemini (place: Place): Promise<Seen> {
  const program = script('@google/gemini-cli', 'gemini')
  const env = { GEMINI_API_KEY: 'none', GEMINI_CLI_TRUST_WORKSPACE: 'true', GEMINI_TELEMETRY_ENABLED: 'false' }
  await run(place, process.execPath, [program, 'mcp', 'add', '--scope', 'user', '--transport', 'http', 'mcpx', place.url], { env })
  return connected(await run(place, process.execPath, [program, 'mcp', 'list'], { env }), /mcpx: .*Connected/)
}

async function openCode (place: Place): Promise<Seen> {
  const program = opencode() as string
  writeFileSync(path.join(place.home, 'opencode.json'), JSON.stringify({ $schema: 'https://opencode.ai/config.json', autoupdate: false, mcp: { mcpx: { type: 'remote', url: place.url, enabled: true } } }))
  const env = { OPENCODE_DISABLE_AUTOUPDATE: 'true', OPENCODE_DISABLE_MODELS_FETCH: 'true' }
  if (place.way !== 'open') await run(place, program, ['mcp', 'auth', 'mcpx'], { env, terminal: true })
  return connected(await run(place, program, ['mcp', 'list'], { env, terminal: true }), /mcpx .*connected/)
}

function connected (said: string, pattern: RegExp): Seen {
  const found = pattern.exec(said)?.[0]
  if (found === undefined) throw new Error(`it does not say that it is connected: ${lastOf(said)}`)
  return { connected: found.trim() }
}
