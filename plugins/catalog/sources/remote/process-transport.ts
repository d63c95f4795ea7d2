// A server as a process of ours: its messages are lines, it has a group of processes of its own, which ends as a whole, and only
// the environment that it is given. The SDK's own transport ends the one process that it has started, and not those that this has.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { deserializeMessage, type JSONRPCMessage, SdkError, SdkErrorCode, serializeMessage, type Transport } from '@modelcontextprotocol/client'
import type { ProcessTarget } from './definition.ts'

/** What a program needs to run at all; nothing of it is a secret. */
const INHERITED = process.platform === 'win32'
  ? ['APPDATA', 'COMSPEC', 'HOMEDRIVE', 'HOMEPATH', 'LOCALAPPDATA', 'PATH', 'PATHEXT', 'PROGRAMDATA', 'PROGRAMFILES', 'SYSTEMDRIVE', 'SYSTEMROOT', 'TEMP', 'TMP', 'USERNAME', 'USERPROFILE', 'WINDIR']
  : ['HOME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'LOGNAME', 'PATH', 'SHELL', 'TMPDIR', 'TZ', 'USER']

const GRACE_MS = 2000
const MOST_UNREAD_BYTES = 32 * 1024 * 1024
const LONGEST_LINE = 2000
const NEWLINE = 0x0a

/** Groups that run: they go with this process, however it ends, but for a signal that nobody can catch. */
const running = new Set<number>()
let watched = false

/** Once for all of them. */
function endWithThis (): void {
  if (watched) return
  watched = true
  process.once('exit', () => { for (const pid of running) killGroup(pid, 'SIGKILL') })
}

function killGroup (pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(process.platform === 'win32' ? pid : -pid, signal)
  } catch {
    return false // it is gone
  }
}

export interface ProcessOptions {
  readonly maxMessageBytes: number
  /** Is told each line of standard error. */
  readonly onLine: (line: string) => void
  /** Is told of what is on standard output and no message. */
  readonly onNoise: (line: string) => void
}

export class ProcessTransport implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: Transport['onmessage']
  /** How it has ended, once it has. */
  ended: string | undefined
  /** By these two the SDK knows a process, which may say nothing to what it does not know. */
  readonly stderr = null
  get pid (): number | null { return this.#child?.pid ?? null }
  readonly #target: ProcessTarget
  readonly #options: ProcessOptions
  #child: ChildProcess | undefined
  #unread: Buffer[] = []
  #unreadBytes = 0

  constructor (target: ProcessTarget, options: ProcessOptions) {
    this.#target = target
    this.#options = options
  }

  async start (): Promise<void> {
    const { command, args, env, cwd } = this.#target
    endWithThis()
    const child = spawn(command, args, { cwd, env: { ...inherited(), ...env }, stdio: ['pipe', 'pipe', 'pipe'], detached: process.platform !== 'win32', windowsHide: true })
    this.#child = child
    child.on('error', error => this.onerror?.(error))
    await once(child, 'spawn')
    if (child.pid !== undefined) running.add(child.pid)
    child.once('exit', (code, signal) => {
      const why = code === null ? `it was ended by ${signal}` : `it ended with exit code ${code}`
      this.#killed() // what it has left behind, which holds its pipes open
      void within(once(child, 'close'), GRACE_MS / 2).then(() => this.#over(why)) // what it said last is read first
    })
    child.stdin?.on('error', () => {}) // its end tells
    child.stdout?.on('data', (chunk: Buffer) => this.#read(chunk)).on('error', () => {})
    child.stderr?.on('error', () => {})
    if (child.stderr !== null) eachLine(child.stderr, this.#options.onLine)
  }

  async send (message: JSONRPCMessage): Promise<void> {
    const stdin = this.#child?.stdin
    if (!stdin?.writable || this.ended !== undefined) throw new SdkError(SdkErrorCode.ConnectionClosed, this.ended ?? 'it does not run')
    if (stdin.writableLength > MOST_UNREAD_BYTES) {
      await this.#end('it does not read what it is sent')
      throw new SdkError(SdkErrorCode.ConnectionClosed, 'it does not read what it is sent')
    }
    stdin.write(serializeMessage(message))
  }

  async close (): Promise<void> { await this.#end('it was stopped') }

  /** Asks it to end by the end of its input, then by SIGTERM, then ends it, and what it has started. */
  async #end (why: string): Promise<void> {
    const child = this.#child
    const pid = child?.pid
    if (child === undefined || pid === undefined) return
    const exited = child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : once(child, 'exit')
    this.#over(why)
    child.stdin?.end()
    child.stdout?.destroy()
    if (process.platform === 'win32') killGroup(pid, 'SIGTERM')
    await within(exited, GRACE_MS / 2)
    if (killGroup(pid, 'SIGTERM')) await within(groupGone(pid), GRACE_MS)
    this.#killed()
    child.stderr?.destroy()
  }

  #killed (): void {
    const pid = this.#child?.pid
    if (pid === undefined) return
    killGroup(pid, 'SIGKILL')
    running.delete(pid)
  }

  #over (why: string): void {
    if (this.ended !== undefined) return
    this.ended = why
    this.#unread = []
    this.onclose?.()
  }

  #read (chunk: Buffer): void {
    let rest = chunk
    for (let at = rest.indexOf(NEWLINE); at !== -1; at = rest.indexOf(NEWLINE)) {
      this.#unread.push(rest.subarray(0, at))
      const line = Buffer.concat(this.#unread).toString('utf8')
      this.#unread = []
      this.#unreadBytes = 0
      rest = rest.subarray(at + 1)
      this.#take(line)
      if (this.ended !== undefined) return
    }
    this.#unread.push(rest)
    this.#unreadBytes += rest.length
    if (this.#unreadBytes > this.#options.maxMessageBytes) void this.#end(`it sent a message of more than ${this.#options.maxMessageBytes} bytes`)
  }

  #take (line: string): void {
    if (line.trim() === '') return
    let message: JSONRPCMessage
    try {
      message = deserializeMessage(line)
    } catch {
      return this.#options.onNoise(line.slice(0, LONGEST_LINE))
    }
    this.onmessage?.(message)
  }
}

function inherited (): Record<string, string> {
  return Object.fromEntries(INHERITED.flatMap(name => process.env[name] === undefined ? [] : [[name, process.env[name]]]))
}

function eachLine (stream: NodeJS.ReadableStream, told: (line: string) => void): void {
  let rest = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = (lines.pop() ?? '').slice(0, LONGEST_LINE)
    for (const line of lines) if (line.trim() !== '') told(line.trimEnd().slice(0, LONGEST_LINE))
  }).on('end', () => { if (rest !== '') told(rest) })
}

const POLL_MS = 25

async function groupGone (pid: number): Promise<void> {
  while (killGroup(pid, 0 as never)) await new Promise(resolve => setTimeout(resolve, POLL_MS))
}

async function within (work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([work, new Promise(resolve => { timer = setTimeout(resolve, ms) })])
  clearTimeout(timer)
}
