// Clients that are programs: run with a home of their own and a browser that is a script, behind which a person signs in.
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { Person } from '../test/oauth/person.ts'
import type { Place } from './client.ts'

const LOOK_EVERY_MS = 50
const LIMIT_MS = 60_000
/** As a person pauses: what comes faster some programs take for a paste, in which Enter is a new line. */
const TYPING_MS = 2000

export interface Command {
  env?: Record<string, string>
  /** Given a terminal of its own, where a program asks for one. */
  terminal?: boolean
  /** Ends the program with success once it has said this. */
  until?: RegExp
  /** What is typed once the pattern has been said, in this order. */
  typed?: [after: RegExp, text: string][]
}

/** Runs a program to its end, signing in where it sends its user, and answers all that it said; a failure is thrown with its last words. */
export async function run (place: Place, file: string, args: string[], { env = {}, terminal = false, until, typed = [] }: Command = {}): Promise<string> {
  const browser = new Browser(place)
  const called = [file, ...args].map(word => path.isAbsolute(word) ? path.basename(word) : word).join(' ')
  const command = terminal ? ['script', '-qefc', `stty rows 50 cols 200; exec ${[file, ...args].map(quoted).join(' ')}`, '/dev/null'] : [file, ...args]
  const child = spawn(command[0] ?? '', command.slice(1), { cwd: place.home, env: { ...process.env, ...browser.env, ...env } as NodeJS.ProcessEnv })
  let said = ''
  let enough = false
  let heard = 0
  const waiting = [...typed]
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', chunk => {
      said += stripVTControlCharacters(chunk)
      const next = waiting[0]
      if (next !== undefined && next[0].test(said.slice(heard))) {
        heard = said.length
        waiting.shift()
        setTimeout(() => child.stdin.write(next[1]), TYPING_MS)
      }
      if (until?.test(said) === true && !enough) {
        enough = true
        child.kill('SIGTERM')
      }
    })
  }
  if (typed.length === 0 && until === undefined) child.stdin.end()
  const timer = setInterval(() => browser.look(said), LOOK_EVERY_MS)
  let late = false
  const limit = setTimeout(() => { late = true; child.kill('SIGTERM') }, LIMIT_MS)
  try {
    const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
    browser.look(said)
    await browser.done
    if (late) throw new Error(`${called} had not finished after ${LIMIT_MS / 1000} s: ${lastOf(said)}`)
    if (code !== 0 && !enough) throw new Error(`${called} ended with ${code}: ${lastOf(said)}`)
    return said
  } finally {
    clearInterval(timer)
    clearTimeout(limit)
  }
}

/** What a program calls as a browser writes the address down; here it is followed as a person without JavaScript would. */
export class Browser {
  readonly #place: Place
  readonly #opened: string
  readonly env: Record<string, string>
  /** The end of the sign-in, if one has begun. */
  done: Promise<void> = Promise.resolve()
  #begun = false

  constructor (place: Place) {
    this.#place = place
    const folder = path.join(place.home, 'browser')
    this.#opened = path.join(folder, 'opened')
    mkdirSync(folder, { recursive: true })
    rmSync(this.#opened, { force: true }) // of the command before
    for (const name of ['xdg-open', 'open', 'sensible-browser']) {
      writeFileSync(path.join(folder, name), `#!/bin/sh\nprintf '%s\\n' "$*" >> '${this.#opened}'\n`)
      chmodSync(path.join(folder, name), 0o755)
    }
    this.env = { PATH: `${folder}:${process.env.PATH}`, BROWSER: path.join(folder, 'xdg-open'), DISPLAY: ':0' }
  }

  /** Signs in at the first address of the server's sign-in that was opened, or printed. */
  look (said: string): void {
    if (this.#begun || this.#place.way === 'open') return
    const text = (existsSync(this.#opened) ? readFileSync(this.#opened, 'utf8') : '') + said
    const url = new RegExp(`${this.#place.origin}/oauth/authorize\\?[^\\s"'<>]+(?=[\\s"'<>])`).exec(text)?.[0]
    if (url === undefined) return
    this.#begun = true
    this.done = this.#signIn(url)
    this.done.catch(() => {}) // told when it is waited for
  }

  async #signIn (url: string): Promise<void> {
    const callback = await new Person(this.#place.origin).authorize(url)
    const response = await fetch(callback)
    if (!response.ok) throw new Error(`the client answered its callback with ${response.status}: ${(await response.text()).slice(0, 200)}`)
  }
}

export const lastOf = (said: string): string => said.trim().split('\n').slice(-6).join(' ').slice(-600)

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`
