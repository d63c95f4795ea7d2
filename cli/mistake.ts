// How a command ends that cannot do what it was asked to: one line on standard error, and an exit code.
import { ConfigurationError } from '../lib/configuration-error.ts'
import { UserError } from '../plugins/accounts/user-error.ts'
import { Unavailable, unavailable } from '../plugins/db/unavailable.ts'

export class Mistake extends Error {
  readonly exitCode: number
  constructor (message: string, exitCode = 2, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}

/** Runs a command. Whoever typed it gets no stack trace for a mistake, and one for a fault of ours. */
export async function run (name: string, command: (args: string[]) => Promise<void>): Promise<void> {
  try {
    await command(process.argv.slice(2))
  } catch (error) {
    const lines = linesOf(error)
    if (lines === undefined) throw error
    for (const line of lines) console.error(`${name}: ${line}`)
    process.exitCode = error instanceof Mistake ? error.exitCode : 2
  }
}

function linesOf (error: unknown): string[] | undefined {
  if (error instanceof ConfigurationError) return error.problems
  if (error instanceof Mistake || error instanceof UserError) return [error.message]
  const { code, message } = error as NodeJS.ErrnoException
  if (code?.startsWith('ERR_PARSE_ARGS')) return [message.split(/\. |\n/, 1)[0] ?? message]
  if (code?.startsWith('SQLITE_FULL') || code === 'ENOSPC' || code === 'EDQUOT') return ['no space is left on the disk, and nothing was changed; free some, and try again']
  const away = unavailable(error)
  return away instanceof Unavailable ? [away.message.replace(/^T/, 't')] : undefined
}
