// A request that is refused. Whoever refuses says so with this; the error handler of the route gives it the form of its protocol.

/** Why a request is refused, what would help, and when it may be tried again. The message is for whoever sent it. */
export class Refusal extends Error {
  readonly statusCode: number
  /** In one word, for programs: `forbidden`. */
  readonly reason: string
  /** Seconds. */
  readonly retryAfter: number | undefined

  constructor (statusCode: number, reason: string, message: string, retryAfter?: number) {
    super(message)
    this.name = 'Refusal'
    this.statusCode = statusCode
    this.reason = reason
    this.retryAfter = retryAfter
  }
}
