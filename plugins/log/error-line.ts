// An error as it stands in a line: messages and stacks quote what strangers sent, and errors of upstreams hold whole answers.
import pino from 'pino'
import { cut } from '../../lib/cut.ts'

const MOST_OF_A_MESSAGE = 1000
const MOST_OF_A_STACK = 4000
const MOST_FIELDS = 20
const MOST_LEVELS = 2

export function errorLine (error: unknown): unknown {
  if (!(error instanceof Error)) return bounded(error, MOST_LEVELS)
  const { message, stack: whole, expose, ...fields } = serialized(error) as { message?: unknown, stack?: unknown, expose?: unknown }
  const stack = expose === true ? undefined : whole // what a tool tells its caller is no fault, and comes often
  return {
    ...bounded(fields, MOST_LEVELS) as object,
    ...(message !== undefined && { message: cut(String(message), MOST_OF_A_MESSAGE) }),
    ...(stack !== undefined && { stack: cut(String(stack), MOST_OF_A_STACK) })
  }
}

/** One that is frozen, or whose members throw, is an error too: pino marks what it goes through, and reads every member. */
function serialized (error: Error): object {
  try {
    return pino.stdSerializers.err(error)
  } catch {
    const { name = 'Error', message = 'an error that cannot be read', stack } = plain(error)
    return { type: name, message, stack }
  }
}

function plain (error: Error): Partial<Error> {
  try {
    const { name, message, stack } = error
    return { name: String(name), message: String(message), stack: String(stack) }
  } catch {
    return {}
  }
}

function bounded (value: unknown, levels: number): unknown {
  if (typeof value === 'string') return cut(value)
  if (value === null || typeof value !== 'object') return value
  if (levels === 0) return '…'
  const entries: [string, unknown][] = []
  for (const key in value) {
    if (entries.length === MOST_FIELDS) break
    entries.push([cut(key, 64), bounded((value as Record<string, unknown>)[key], levels - 1)])
  }
  return Object.fromEntries(entries)
}
