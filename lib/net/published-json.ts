// JSON that clients publish, fetched considerately: one fetch of a URL at a time, few at once, and a pause after a failure.
import type { IncomingMessage } from 'node:http'
import { OAuthError } from '../../plugins/auth/oauth/error.ts'
import { FetchError, type PublicFetch } from './public-fetch.ts'

const MAX_AT_ONCE = 10
const PAUSE_MS = 60_000
const MAX_PAUSED = 1000
const [MIN_FRESH, DEFAULT_FRESH, MAX_FRESH] = [5 * 60, 3600, 24 * 3600] // seconds

export class PublishedJson<T> {
  readonly #fetch: PublicFetch
  readonly #maxBytes: number
  readonly #accept: (url: string, body: unknown, freshFor: number) => T | Promise<T>
  readonly #pending = new Map<string, Promise<T>>()
  readonly #paused = new Map<string, { until: number, error: Error }>()

  /** @param accept checks what was fetched and makes of it what is asked for; told for how many seconds it is fresh */
  constructor (fetch: PublicFetch, maxBytes: number, accept: (url: string, body: unknown, freshFor: number) => T | Promise<T>) {
    this.#fetch = fetch
    this.#maxBytes = maxBytes
    this.#accept = accept
  }

  /**
   * Fetches; whoever asks for the same URL meanwhile shares the answer.
   * @throws FetchError when it could not be fetched, or what `accept` throws; the same again without a fetch for the next minute
   */
  async get (url: string): Promise<T> {
    const failure = this.#paused.get(url)
    if (failure !== undefined && failure.until > Date.now()) throw failure.error
    const pending = this.#pending.get(url)
    if (pending !== undefined) return await pending
    if (this.#pending.size >= MAX_AT_ONCE) throw new OAuthError('temporarily_unavailable', 'Too many client metadata documents are being fetched; try again', { retryAfter: 2 })
    const started = this.#load(url).finally(() => this.#pending.delete(url))
    this.#pending.set(url, started)
    return await started
  }

  async #load (url: string): Promise<T> {
    try {
      const { body, headers } = await this.#fetch(url, this.#maxBytes)
      const result = await this.#accept(url, body, freshness(headers))
      this.#paused.delete(url)
      return result
    } catch (error) {
      if (error instanceof FetchError || error instanceof OAuthError) this.#pause(url, error)
      throw error
    }
  }

  #pause (url: string, error: Error): void {
    this.#paused.delete(url)
    this.#paused.set(url, { until: Date.now() + PAUSE_MS, error })
    const [oldest] = this.#paused.keys()
    if (this.#paused.size > MAX_PAUSED && oldest !== undefined) this.#paused.delete(oldest)
  }
}

/** For how many seconds an answer is fresh (RFC 9111 section 4.2), within bounds of our own. */
export function freshness ({ 'cache-control': control = '', age }: IncomingMessage['headers']): number {
  if (/(?:^|,)\s*no-(?:store|cache)\b/i.test(control)) return MIN_FRESH
  const given = /(?:^|,)\s*s-maxage\s*=\s*"?(\d+)/i.exec(control) ?? /(?:^|,)\s*max-age\s*=\s*"?(\d+)/i.exec(control)
  const fresh = given === null ? DEFAULT_FRESH : Number(given[1]) - (Number(age) || 0)
  return Math.min(Math.max(fresh, MIN_FRESH), MAX_FRESH)
}
