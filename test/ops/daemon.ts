// A service of the operating system as a plain process of the test, which ends with it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'

// Those for root only are not on everybody's path.
const FOLDERS = [...process.env.PATH?.split(':') ?? [], '/usr/sbin', '/usr/local/sbin']

/** Where a program is; undefined where it is not installed. */
export const installed = (name: string): string | undefined => FOLDERS.map(folder => `${folder}/${name}`).find(file => existsSync(file))

/** For tests that need programs: false, or why they are skipped. */
export function missing (...names: string[]): string | false {
  const absent = names.filter(name => installed(name) === undefined)
  return absent.length > 0 && `not installed: ${absent.join(', ')}`
}

/** Starts a program that stays in the foreground, and waits until it listens. */
export async function startDaemon (t: Test, name: string, args: string[], port: number, env: NodeJS.ProcessEnv = {}): Promise<{ child: ChildProcess, output: () => string }> {
  const child = spawn(installed(name) ?? name, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, ...env } })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', chunk => { output += chunk })
  const ended = once(child, 'close')
  t.teardown(async () => {
    child.kill('SIGTERM')
    await ended
  })
  while (!await connects(port)) {
    if (child.exitCode !== null) throw new Error(`${name} did not start:\n${output}`)
    await sleep(20)
  }
  return { child, output: () => output }
}

async function connects (port: number): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1')
      .on('connect', () => { socket.destroy(); resolve(true) })
      .on('error', () => resolve(false))
  })
}
