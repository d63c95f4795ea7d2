// Two cores, where there are two: the server has one for itself, the load and this driver share the other.
import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

const SERVER_CORE = '0'
const LOAD_CORE = '1'

/** Cores of the machine, asked before this process is pinned to one. */
export const cores = availableParallelism()
export const pinned = cores >= 2 && runs('taskset', ['-V'])

/** Whether a program can be run. */
export function runs (program: string, args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT'
  }
}

/** A command, pinned to the core of its part. */
export function on (part: 'server' | 'load', program: string, args: string[]): [program: string, args: string[]] {
  if (!pinned) return [program, args]
  return ['taskset', ['-c', part === 'server' ? SERVER_CORE : LOAD_CORE, program, ...args]]
}

export function pinDriver (): void {
  if (pinned) execFileSync('taskset', ['-a', '-cp', LOAD_CORE, String(process.pid)], { stdio: 'ignore' })
}
