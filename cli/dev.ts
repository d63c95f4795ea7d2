// `./mcpx dev`: the server, started again when what it is made of changes. Tool files change within it (TOOLS_RELOAD).
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, watch } from 'node:fs'
import path from 'node:path'
import { Environment } from '../lib/environment.ts'

const QUIET_MS = 100
const STOP_MS = 1000 // a call that runs is not waited for

const root = path.join(import.meta.dirname, '..')
const folders = ['cli', 'lib', 'migrations', 'plugins', 'routes'].map(folder => path.join(root, folder))
const files = new Set(['app.ts', 'server.ts'])
const environment = new Environment(process.env, '.env')
const reloads = (environment.get('TOOLS_RELOAD') ?? 'on') === 'on'
const tools = [path.join(root, 'tools'), ...(environment.get('TOOLS_DIR') === undefined ? [] : [path.resolve(environment.get('TOOLS_DIR') ?? '')])]

let server: ChildProcess | undefined
let timer: NodeJS.Timeout | undefined
let stopping = false
let over = false

for (const folder of folders) watch(folder, { recursive: true }, (_event, name) => changed(folder, name))
watch(root, (_event, name) => { if (files.has(name ?? '')) changed(root, name) })
// While it serves, tools are its own affair; a start that failed may have failed because of one.
for (const dir of tools) if (existsSync(dir)) watch(dir, { recursive: true }, (_event, name) => { if (!reloads || server === undefined) changed(dir, name) })
watch('.', (_event, name) => { if (name === '.env') changed('.', name) }) // which need not be there yet
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {
  over = true
  void stop().then(() => process.exit(0))
})
start()

function start (): void {
  if (over) return
  const child = server = spawn(process.execPath, [path.join(root, 'server.ts')], {
    stdio: 'inherit',
    env: { ...process.env, TOOLS_RELOAD: reloads ? 'on' : 'off', LOG_FORMAT: environment.get('LOG_FORMAT') ?? 'pretty', SHUTDOWN_GRACE_SECONDS: '0' }
  })
  child.on('close', code => {
    if (server !== child || stopping) return
    server = undefined
    console.error(`mcpx: the server has ended (${code}); it is started again when a file changes`)
  })
}

function changed (part: string, name: string | null): void {
  clearTimeout(timer)
  timer = setTimeout(() => { void restart(path.relative(process.cwd(), existsSync(path.join(part, name ?? '')) ? path.join(part, name ?? '') : part)) }, QUIET_MS)
}

async function restart (what: string): Promise<void> {
  if (stopping) return
  console.error(`mcpx: ${what} has changed; starting again`)
  await stop()
  stopping = false
  start()
}

/** Ends the server at once: it is asked, and then not asked. */
async function stop (): Promise<void> {
  stopping = true
  const child = server
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await ended
  clearTimeout(late)
}
