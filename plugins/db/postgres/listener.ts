// One connection that waits for what PostgreSQL tells, for all of a process that want to hear something. Lost, it is made anew.
import { Client, type ClientConfig } from 'pg'

const RETRY_MS = 1000

type Hear = (payload: string) => void

interface Ear { readonly hear: Hear, readonly connected: () => void, readonly failed: (error: unknown) => void }

export class Listener {
  readonly #options: ClientConfig
  readonly #ears = new Map<string, Set<Ear>>()
  #client: Client | undefined
  #closed = false
  /** Whether it was told that the connection is lost: once, and not with each attempt to make another. */
  #told = false

  constructor (options: ClientConfig) {
    // Without the time-outs of statements: it waits for as long as nothing happens.
    this.#options = { ...options, statement_timeout: 0, query_timeout: 0, idle_in_transaction_session_timeout: 0 }
  }

  /** @param ear is told when it hears, again too: what was told before that it has missed */
  hear (channel: string, ear: Ear): () => void {
    const ears = this.#ears.get(channel) ?? new Set()
    this.#ears.set(channel, ears.add(ear))
    if (this.#client === undefined) void this.#connect()
    else void this.#listen(this.#client, channel, [ear])
    return () => { ears.delete(ear) }
  }

  async close (): Promise<void> {
    this.#closed = true
    if (this.#client !== undefined) await leave(this.#client)
  }

  async #connect (): Promise<void> {
    const client = this.#client = new Client(this.#options)
    let over = false
    const lost = (error: unknown): void => {
      if (over || this.#closed) return
      over = true
      if (!this.#told) for (const ear of this.#all()) ear.failed(error)
      this.#told = true
      void leave(client)
      setTimeout(() => { if (!this.#closed) void this.#connect() }, RETRY_MS).unref()
    }
    client.on('error', lost)
    client.on('end', () => lost(new Error('the connection to the database was closed')))
    client.on('notification', ({ channel, payload = '' }) => { for (const ear of this.#ears.get(channel) ?? []) ear.hear(payload) })
    try {
      await client.connect()
      this.#told = false
      for (const [channel, ears] of this.#ears) await this.#listen(client, channel, [...ears])
    } catch (error) {
      lost(error)
    }
  }

  async #listen (client: Client, channel: string, ears: readonly Ear[]): Promise<void> {
    try {
      await client.query(`listen ${channel}`)
      for (const ear of ears) ear.connected()
    } catch (error) {
      for (const ear of ears) ear.failed(error)
    }
  }

  #all (): Ear[] { return this.#ears.values().flatMap(ears => ears).toArray() }
}

async function leave (client: Client): Promise<void> {
  try {
    await client.end()
  } catch { /* it is gone already */ }
}
