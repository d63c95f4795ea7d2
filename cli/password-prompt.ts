// Where the command line gets a password from: a terminal, without echo, or standard input. Never an argument, which `ps` shows.
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Mistake } from './mistake.ts'

/** Asks twice on a terminal; otherwise reads the first line of standard input. */
export async function readPassword (username: string): Promise<string> {
  if (!process.stdin.isTTY) {
    const [line = ''] = (await text(process.stdin)).split(/\r?\n/, 1)
    if (line === '') throw new Mistake('no password on standard input; pipe one in, or use --generate')
    return line
  }
  const password = await ask(`New password for ${username}: `, { echo: false })
  if (await ask('The same again: ', { echo: false }) !== password) throw new Mistake('the two passwords are not the same')
  return password
}

/** One line from the terminal. Prompts go to standard error: standard output is for results. */
export async function ask (prompt: string, { echo }: { echo: boolean }): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output: echo ? process.stderr : nowhere, terminal: true })
  const ended = Promise.withResolvers<never>()
  terminal.once('SIGINT', () => ended.reject(new Mistake('nothing was changed', 130)))
  terminal.once('close', () => ended.reject(new Mistake('nothing was changed')))
  try {
    if (!echo) process.stderr.write(prompt)
    return await Promise.race([terminal.question(echo ? prompt : ''), ended.promise])
  } finally {
    terminal.close()
    if (!echo) process.stderr.write('\n')
  }
}
