// The loggers of requests. Each has one, and most say nothing, as the line at the end of a request is the server's own.
import type { FastifyBaseLogger } from 'fastify'
import type { Bindings, ChildLoggerOptions } from 'fastify/types/logger.js'

/** A logger whose children are made when they first have something to say. */
export function withLazyChildren (logger: FastifyBaseLogger, serializers: object): FastifyBaseLogger {
  // Fastify calls child() for each request; a factory of its own for that would have it check all methods of each child.
  // It looks for serializers here, and puts its own in the place of those that it does not find.
  return Object.assign(new LazyChild(logger, {}), { serializers })
}

class LazyChild implements FastifyBaseLogger {
  readonly #parent: FastifyBaseLogger
  readonly #bindings: Bindings
  readonly #options: ChildLoggerOptions | undefined
  #logger: FastifyBaseLogger | undefined

  constructor (parent: FastifyBaseLogger, bindings: Bindings, options?: ChildLoggerOptions) {
    this.#parent = parent
    this.#bindings = bindings
    this.#options = options
  }

  get #made (): FastifyBaseLogger { return this.#logger ??= this.#parent.child(this.#bindings, this.#options) }
  get level (): string { return this.#made.level }
  set level (level: string) { this.#made.level = level }
  child (bindings: Bindings, options?: ChildLoggerOptions): FastifyBaseLogger { return new LazyChild(this.#made, bindings, options) }
  fatal (...line: [any, ...any[]]): void { this.#made.fatal(...line) }
  error (...line: [any, ...any[]]): void { this.#made.error(...line) }
  warn (...line: [any, ...any[]]): void { this.#made.warn(...line) }
  info (...line: [any, ...any[]]): void { this.#made.info(...line) }
  debug (...line: [any, ...any[]]): void { this.#made.debug(...line) }
  trace (...line: [any, ...any[]]): void { this.#made.trace(...line) }
  silent (...line: [any, ...any[]]): void { this.#made.silent(...line) }
}
