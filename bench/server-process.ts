// A server under test as a process of its own, which ends with this one.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Authorization } from '../test/oauth/authorization.ts'
import { buildXmcp } from './build-xmcp.ts'
import { on } from './cores.ts'
import { ask, openSession, type Question } from './requests.ts'
import type { Era, ServerKind, Start } from './servers.ts'
import type { ToolSet } from './tools.ts'

const START_TIMEOUT_MS = 20_000
const QUIET_TIMEOUT_MS = 15_000
const running = new Set<ChildProcess>()
process.on('exit', () => { for (const child of running) child.kill('SIGKILL') })

export interface Place { temp: string, mcpx: string }

export class ServerProcess {
  readonly kind: ServerKind
  readonly tools: ToolSet
  readonly #start: Start
  readonly #token: { headers: Record<string, string> } = { headers: {} }
  #child: ChildProcess | undefined

  private constructor (kind: ServerKind, start: Start) {
    this.kind = kind
    this.tools = start.tools
    this.#start = start
  }

  static async prepare (kind: ServerKind, tools: ToolSet, { temp, mcpx }: Place, purpose = 'load'): Promise<ServerProcess> {
    const [port, metricsPort] = [await freePort(), await freePort()]
    const folder = kind.built ? path.join(import.meta.dirname, '.build', `${kind.id}-${tools}`) : path.join(temp, `${kind.id}-${tools}-${purpose}`)
    mkdirSync(folder, { recursive: true })
    if (kind.built) await buildXmcp(folder, tools, port)
    return new ServerProcess(kind, { port, metricsPort, tools, folder, mcpx })
  }

  get url (): string { return `http://127.0.0.1:${this.#start.port}/mcp` }
  get pid (): number { return this.#child?.pid ?? 0 }

  /** Starts the process; it may not listen yet. */
  spawn (): void {
    const { file, env, flags = [] } = this.kind.command(this.#start)
    const errors = openSync(path.join(this.#start.folder, 'stderr'), 'w')
    const cache = path.join(import.meta.dirname, '.build/compile-cache')
    // What it logs is formatted and written, to nowhere.
    this.#child = spawn(...on('server', process.execPath, [...flags, file]), {
      cwd: this.#start.folder,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: 'production', NODE_COMPILE_CACHE: cache, ...env },
      stdio: ['ignore', openSync('/dev/null', 'w'), errors]
    })
    closeSync(errors)
    running.add(this.#child)
  }

  /** Starts the process and waits until it has answered rightly; answers how long that took. */
  async start (): Promise<number> {
    const started = performance.now()
    this.spawn()
    if (this.kind.guarded && this.#token.headers.authorization === undefined) await this.#signIn()
    await this.#until(async () => await ask(this.url, await this.question('echo', this.kind.eras[0] as Era)))
    return performance.now() - started
  }

  /** A request of a workload, with whatever this server wants besides. */
  async question (workload: Question['workload'], era: Era): Promise<Question> {
    const headers = this.kind.session ? await openSession(this.url) : this.#token.headers
    return { workload, era, headers }
  }

  /** Reads the metrics, as Prometheus does: what writes them out is part of a server that is watched. */
  async scrape (): Promise<void> {
    if (!this.kind.scraped) return
    const response = await fetch(`http://127.0.0.1:${this.#start.metricsPort}/metrics`)
    if (!(await response.text()).includes('mcpx_tool_call_duration_seconds')) throw new Error(`${this.kind.id} serves no metrics`)
  }

  /** Resident memory in MB. */
  memory (): number {
    const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8')) ?? []
    return Number(kilobytes) / 1024
  }

  /** Seconds of processor time that it has used, all threads together. */
  processorTime (): number {
    const [, fields = ''] = readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ')
    const [user, system] = fields.split(' ').slice(11, 13) // utime and stime, in ticks of 10 ms; proc_pid_stat(5)
    return (Number(user) + Number(system)) / 100
  }

  /** Keeps the process from running, so that it takes nothing from the one that is measured. */
  pause (): void { this.#child?.kill('SIGSTOP') }
  resume (): void { this.#child?.kill('SIGCONT') }

  /** Waits until it has worked off what the load has left behind. */
  async quiet (): Promise<void> {
    const deadline = performance.now() + QUIET_TIMEOUT_MS
    for (let before = -1, now = this.processorTime(); now - before > 0.01 && performance.now() < deadline; now = this.processorTime()) {
      before = now
      await sleep(50)
    }
  }

  async stop (): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL') // nothing of what it holds is wanted any more, and a graceful stop takes seconds
    await exited
    running.delete(child)
  }

  /** As a client and a person do it: registration, sign-in and consent, code, token. */
  async #signIn (): Promise<void> {
    const authorization = new Authorization(new URL(this.url).origin)
    const { access_token: token } = await this.#until(async () => await authorization.tokens())
    this.#token.headers = { authorization: `Bearer ${token}` }
  }

  async #until<T> (attempt: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + START_TIMEOUT_MS
    for (;;) {
      try {
        return await attempt()
      } catch (error) {
        const child = this.#child
        if (child?.exitCode !== null || performance.now() > deadline) {
          const errors = readFileSync(path.join(this.#start.folder, 'stderr'), 'utf8').trim().split('\n').slice(-3).join(' ')
          throw new Error(`${this.kind.id} does not answer: ${(error as Error).message}${errors && `; ${errors}`}`, { cause: error })
        }
        await sleep(4)
      }
    }
  }
}

async function freePort (): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  return port
}
