// Connections to PostgreSQL, as Kysely borrows them. What is lost on the way is asked again where that is safe, and is told as
// Unavailable where it is not.
import { type CustomTypesConfig, DatabaseError, Pool, type PoolClient, type PoolConfig, type QueryResult, types as typesOfPg } from 'pg'
import type { PostgresPool, PostgresPoolClient } from 'kysely'
import { lostConnection, unavailable } from '../unavailable.ts'

/** Times and counts are 64 bits wide, and none is beyond what a number holds exactly. */
const INT8 = 20

const types: CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => oid === INT8 ? Number : typesOfPg.getTypeParser(oid, format as 'text')
}

/** A connection that was cut a moment ago may have been the last of a database that starts anew. */
const AGAIN_MS = 100

export class Connections implements PostgresPool {
  readonly options = {}
  readonly #pool: Pool
  /** Whether the last attempt to connect came to nothing: others need not wait for a second one. */
  #away = false

  constructor (options: PoolConfig) {
    this.#pool = new Pool({ ...options, types, idleTimeoutMillis: 30_000 })
    this.#pool.on('error', () => {}) // of one that nobody uses: the next who asks gets another
    this.#pool.on('connect', client => client.on('error', () => {})) // of one in use: whoever uses it is told by the query
  }

  async connect (): Promise<PostgresPoolClient> {
    return new Lease(await this.acquire(), async () => await this.acquire())
  }

  /** @throws Unavailable */
  async acquire (): Promise<PoolClient> {
    try {
      const client = await this.#attempt()
      this.#away = false
      return client
    } catch (error) {
      this.#away = true
      throw isOfServer(error) ? unavailable(error) : lostConnection(error)
    }
  }

  async #attempt (): Promise<PoolClient> {
    try {
      return await this.#pool.connect()
    } catch (error) {
      if (this.#away || !isRefused(error)) throw error
      await new Promise(resolve => setTimeout(resolve, AGAIN_MS))
      return await this.#pool.connect()
    }
  }

  async end (): Promise<void> { await this.#pool.end() }
}

const NOTHING = { command: 'ROLLBACK', rowCount: 0, rows: [] } as const

/** A connection while somebody has it. */
class Lease implements PostgresPoolClient {
  #client: PoolClient
  readonly #another: () => Promise<PoolClient>
  #inTransaction = false
  #lost = false

  constructor (client: PoolClient, another: () => Promise<PoolClient>) {
    this.#client = client
    this.#another = another
  }

  query (text: string, parameters: readonly unknown[]): Promise<any>
  query (cursor: unknown): any
  query (text: any, parameters: readonly unknown[] = []): any {
    return this.#run(String(text), parameters)
  }

  async #run (text: string, parameters: readonly unknown[]): Promise<unknown> {
    if (this.#lost && text === 'rollback') return NOTHING // it has been, by the loss
    try {
      return await this.#ask(text, parameters)
    } catch (error) {
      if (isOfServer(error) && !isEnd(error)) throw unavailable(error)
      this.#lost = true
      if (!this.#mayAskAgain(text) || isSilence(error)) throw lostConnection(error)
      this.#client.release(true)
      this.#client = await this.#another()
      this.#lost = false
      return await this.#ask(text, parameters).catch((again: unknown) => {
        this.#lost = !isOfServer(again) || isEnd(again)
        throw this.#lost ? lostConnection(again) : unavailable(again)
      })
    }
  }

  async #ask (text: string, parameters: readonly unknown[]): Promise<QueryResult> {
    const result = await this.#client.query(text, parameters.map(storable))
    if (text === 'begin') this.#inTransaction = true
    else if (text === 'commit' || text === 'rollback') this.#inTransaction = false
    return result
  }

  /** What only reads, and what has not begun, as long as it is no part of something that is lost. */
  #mayAskAgain (text: string): boolean {
    return !this.#inTransaction && (text === 'begin' || /^select\b(?!.*\bfor (?:update|share)\b)/i.test(text))
  }

  release (destroy?: boolean): void { this.#client.release(destroy === true || this.#lost) }
}

/** PostgreSQL's text has no NUL, which a caller may send: what is looked for with one is not there, and what is kept says that it was. */
const storable = (value: unknown): unknown => typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value

/** An answer of the server, and none of the way to it. */
const isOfServer = (error: unknown): error is DatabaseError => error instanceof DatabaseError

/** With which the server ends the connection (57P01 to 57P05), or says that it is none any more. */
const isEnd = ({ code = '' }: DatabaseError): boolean => /^(08|57P0)/.test(code)

/** The server has had its time, and more: asked again, it would have it once more. */
const isSilence = (error: unknown): boolean => (error as Error).message === 'Query read timeout'

/** Whether nothing was listening, or the server is about to be ready: a moment later it may be. */
function isRefused (error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException
  return code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === '57P03' || code === '57P01'
}
