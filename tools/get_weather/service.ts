// What the tool expects of a weather service, and how one is asked: every way in which that can fail has its own message.
import { retryAfterSeconds } from '../../lib/retry-after.ts'
import type { Place } from './places.ts'

const MAX_BODY_BYTES = 4 * 1024 * 1024

/** The weather at a place, now. */
export interface Report {
  /** City and state. */
  readonly location: string
  readonly temperatureF: number
  readonly conditions: string
  readonly humidityPercent: number | undefined
  /** ISO 8601 */
  readonly observedAt: string | undefined
  /** What the reader has to know about these values. */
  readonly note?: string
}

export interface WeatherService {
  readonly name: string
  /** @throws WeatherError */
  current: (zip: string, place: Place | undefined, signal: AbortSignal) => Promise<Report>
}

/** Why there is no weather, in words for the caller. */
export class WeatherError extends Error {
  /** HTTP status that the service answered with, when it did. */
  readonly status: number | undefined
  constructor (message: string, options: ErrorOptions & { status?: number } = {}) {
    super(message, options)
    this.name = 'WeatherError'
    this.status = options.status
  }
}

interface Ask {
  readonly signal: AbortSignal
  readonly headers?: Record<string, string>
  /** How long to wait after a 429 that does not say. */
  readonly retryAfter: number
  /** A key in the query must not follow a redirect to wherever it leads. */
  readonly redirect?: RequestRedirect
}

/**
 * Asks a service for JSON. Its words are never passed on, and no message or cause holds the URL: its query may hold a key.
 * @throws WeatherError, or the reason of the signal
 */
export async function getJson (service: string, url: URL, { signal, headers, retryAfter, redirect = 'follow' }: Ask): Promise<unknown> {
  let response: Response
  let text: string
  try {
    response = await fetch(url, { signal, redirect, headers: { accept: 'application/json', 'accept-encoding': 'gzip, deflate', ...headers } }) // no Brotli, which fetch asks for
    text = await readText(service, response)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof WeatherError) throw error
    throw new WeatherError(`${service} cannot be reached; try again in a moment`, { cause: error })
  }
  const { ok, status } = response
  const cause = new Error(`${service} answered ${url.pathname} with HTTP ${status}`)
  if (status === 429) throw new WeatherError(`${service} is limiting requests; try again in ${retryAfterSeconds(response.headers) ?? retryAfter} s`, { cause, status })
  if (status >= 500) throw new WeatherError(`${service} has a failure of its own (HTTP ${status}); try again in a few minutes`, { cause, status })
  if (!ok) throw new WeatherError(`${service} refused the request (HTTP ${status})`, { cause, status })
  try {
    return JSON.parse(text)
  } catch (error) {
    throw nonsense(service, error)
  }
}

export function nonsense (service: string, cause?: unknown): WeatherError {
  return new WeatherError(`${service} answered with something that is no weather report; try again in a few minutes`, { cause })
}

/** Text of a service as one short line. */
export function oneLine (value: unknown): string | undefined {
  const text = typeof value === 'string' ? value.replace(/[\p{C}\s]+/gu, ' ').trim().slice(0, 100) : ''
  return text === '' ? undefined : text
}

/** A number that can be what it is said to be; undefined otherwise. */
export function within (value: unknown, least: number, most: number): number | undefined {
  return typeof value === 'number' && value >= least && value <= most ? value : undefined
}

async function readText (service: string, response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length > MAX_BODY_BYTES) throw nonsense(service, new Error(`a body of more than ${MAX_BODY_BYTES} bytes`))
  }
  return text + decoder.decode()
}
