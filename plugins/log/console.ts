// What tools and packages print goes into the log, a line each: text in between breaks whatever reads the log as JSON.
import path from 'node:path'
import { format, getCallSites } from 'node:util'
import { fileURLToPath } from 'node:url'
import type { FastifyBaseLogger } from 'fastify'
import { cut } from '../../lib/cut.ts'

const LEVELS = { debug: 'debug', trace: 'debug', log: 'info', info: 'info', warn: 'warn', error: 'error' } as const
const MOST_OF_A_TEXT = 4000
const root = path.join(import.meta.dirname, '../..')

/** For good: a process has one console. */
export function takeOverConsole (log: FastifyBaseLogger): void {
  for (const [method, level] of Object.entries(LEVELS)) {
    console[method as keyof typeof LEVELS] = (...args: unknown[]) => log[level]({ from: caller() }, cut(format(...args), MOST_OF_A_TEXT))
  }
  process.removeAllListeners('warning') // Node's own, which prints them
  process.on('warning', warning => log.warn({ err: warning }, 'a warning of Node'))
}

/** The file that prints, and the line in it. */
function caller (): string | undefined {
  const { scriptName = '', lineNumber } = getCallSites(3)[2] ?? {}
  if (!scriptName.startsWith('file:')) return undefined
  const file = fileURLToPath(scriptName)
  return `${file.startsWith(root + path.sep) ? path.relative(root, file) : file}:${lineNumber}`
}
