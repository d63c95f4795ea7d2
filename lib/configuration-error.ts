// A set-up that cannot be served with.

/** What is wrong with the set-up, one line each, written for the operator: the process ends with exit code 78 and no stack trace. */
export class ConfigurationError extends Error {
  readonly problems: string[]
  /** A later start may find it well: the process ends with exit code 75, and is started again. */
  readonly temporary: boolean
  constructor (problems: string[], { temporary = false, ...options }: ErrorOptions & { temporary?: boolean } = {}) {
    super(problems.join('\n'), options)
    this.name = 'ConfigurationError'
    this.problems = problems
    this.temporary = temporary
  }
}
