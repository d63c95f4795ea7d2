// A set-up that cannot be served with.

/** What is wrong with the set-up, one line each, written for the operator: the process ends with exit code 78 and no stack trace. */
export class ConfigurationError extends Error {
  readonly problems: string[]
  constructor (problems: string[], options?: ErrorOptions) {
    super(problems.join('\n'), options)
    this.name = 'ConfigurationError'
    this.problems = problems
  }
}
