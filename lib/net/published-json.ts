// JSON that clients publish, fetched considerately: one fetch of a URL at a time, few at once, and a pause after a failure.
import type { IncomingMessage } from 'node:http'
import { Budget } from '../budget.ts'
import { nowMs } from '../clock.ts'
import { Refusal } from '../refusal.ts'
import { FetchError, type PublicFetch } from './public-fetch.ts'

const PAUSE_MS = 60_000
const MAX_PAUSED = 1000
const [MIN_FRESH, DEFAULT_FRESH, MAX_FRESH] = [5 * 60, 3600, 24 * 3600] // seconds

/** Places for fetches, shared by whoever publishes what: a slow host or a busy requester holds up nobody else. */
export class FetchPlaces {
  readonly hosts = new Budget(100, 2)
  readonly requesters = new Budget(20, 2)
}

export class PublishedJson<T> {
  readonly #fetch: PublicFetch
  readonly #places: FetchPlaces
  readonly #maxBytes: number
  readonly #accept: (url: string, body: unknown, freshFor: number) => T | Promise<T>
  readonly #pending = new Map<string, Promise<T>>()
  readonly #paused = new Map<string, { until: number, error: Error }>()

  /** @param accept checks what was fetched and makes of it what is asked for; told for how many seconds it is fresh */
  constructor (fetch: PublicFetch, places: FetchPlaces, maxBytes: number, accept: (url: string, body: unknown, freshFor: number) => T | Promise<T>) {
    this.#fetch = fetch
    this.#places = places
    this.#maxBytes = maxBytes
    this.#accept = accept
  }

  /**
   * Fetches; whoever asks for the same URL meanwhile shares the answer.
   * @param requester the address that has it fetched
   * @throws FetchError when it could not be fetched, or what `accept` throws; the same again without a fetch for the next minute
   * @throws Refusal when too much is being fetched from that host or for that requester
   */
  async get (url: string, requester: string): Promise<T> {
    const failure = this.#paused.get(url)
    if (failure !== undefined && failure.until > nowMs()) throw failure.error
    const pending = this.#pending.get(url)
    if (pending !== undefined) return await pending
    const { hosts, requesters } = this.#places
    const given = new AbortController()
    // Whoever has two already waits for them; where all places are taken, whoever has most gives up the oldest.
    const place = requesters.heldBy(requester) < requesters.share ? requesters.take(requester, 1, () => given.abort(busy())) : undefined
    const atHost = place && hosts.take(new URL(url).host)
    if (place === undefined || atHost === undefined) {
      place?.release()
      throw busy()
    }
    const started = this.#load(url, given.signal).finally(() => {
      place.release()
      atHost.release()
      this.#pending.delete(url)
    })
    this.#pending.set(url, started)
    return await started
  }

  async #load (url: string, given: AbortSignal): Promise<T> {
    try {
      const { body, headers } = await this.#fetch(url, this.#maxBytes, given)
      const result = await this.#accept(url, body, freshness(headers))
      this.#paused.delete(url)
      return result
    } catch (error) {
      given.throwIfAborted() // which says nothing of what is published
      if (isVerdict(error)) this.#pause(url, error)
      throw error
    }
  }

  #pause (url: string, error: Error): void {
    this.#paused.delete(url)
    this.#paused.set(url, { until: nowMs() + PAUSE_MS, error })
    const [oldest] = this.#paused.keys()
    if (this.#paused.size > MAX_PAUSED && oldest !== undefined) this.#paused.delete(oldest)
  }
}

const busy = (): Refusal => new Refusal(503, 'temporarily_unavailable', 'Too many client metadata documents are being fetched; try again', 2)

/** Whether an error is about what is published, and not a failure here: it could not be fetched, or `accept` refuses it. */
const isVerdict = (error: unknown): error is Error => error instanceof FetchError || (error instanceof Error && 'status' in error && Number(error.status) < 500)

/** For how many seconds an answer is fresh (RFC 9111 section 4.2), within bounds of our own. */
export function freshness ({ 'cache-control': control = '', age }: IncomingMessage['headers']): number {
  if (/(?:^|,)\s*no-(?:store|cache)\b/i.test(control)) return MIN_FRESH
  const given = /(?:^|,)\s*s-maxage\s*=\s*"?(\d+)/i.exec(control) ?? /(?:^|,)\s*max-age\s*=\s*"?(\d+)/i.exec(control)
  const fresh = given === null ? DEFAULT_FRESH : Number(given[1]) - (Number(age) || 0)
  return Math.min(Math.max(fresh, MIN_FRESH), MAX_FRESH)
}
