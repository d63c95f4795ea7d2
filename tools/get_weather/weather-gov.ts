// The National Weather Service, api.weather.gov: no key, but three requests. A point is in a cell of an office's grid, a
// cell has stations near it, a station has a latest observation. Stations often report without a temperature, or not for
// hours: then the next ones and the forecast for this hour are asked, and each value comes from the best that has it.
import { version } from '../../lib/version.ts'
import { FreshCache } from '../../lib/fresh-cache.ts'
import type { Place } from './places.ts'
import { getJson, nonsense, oneLine, type Report, WeatherError, type WeatherService, within } from './service.ts'

const NAME = 'weather.gov'
const RETRY_AFTER = 5 // its documentation: "typically within 5 seconds"
const STATIONS = 3
const CURRENT_MS = 2 * 60 * 60_000 // stations report hourly, and reports arrive up to an hour and a half late
const DAY_MS = 24 * 60 * 60_000

interface Cell { readonly path: string, readonly stations: readonly string[] }

/** What one station, or the forecast, has to say; any of it may be missing. */
interface Source {
  readonly kind: 'observation' | 'forecast'
  readonly at: number
  readonly temperatureF: number | undefined
  readonly conditions: string | undefined
  readonly humidityPercent: number | undefined
}

export class WeatherGov implements WeatherService {
  readonly name = NAME
  readonly #baseUrl: string
  readonly #now: () => number
  readonly #cells: FreshCache<Cell>

  constructor (baseUrl: string, now: () => number = Date.now) {
    this.#baseUrl = baseUrl.replace(/(?<!\/)\/+$/, '')
    this.#now = now
    this.#cells = new FreshCache({ freshMs: DAY_MS, staleMs: 7 * DAY_MS, max: 1000 }, now)
  }

  async current (zip: string, place: Place | undefined, signal: AbortSignal): Promise<Report> {
    if (place === undefined) throw new WeatherError(`ZIP code ${zip} was not found`)
    const { coordinates, name } = place
    if (coordinates === undefined) throw new WeatherError(`ZIP code ${zip} is a military address, which ${NAME} has no weather for`)
    const { value: cell } = await this.#cells.get(zip, signal => this.#locate(zip, coordinates, signal), signal)
    return this.#report(zip, name, await this.#sources(cell, signal))
  }

  async #locate (zip: string, { latitude, longitude }: { latitude: number, longitude: number }, signal: AbortSignal): Promise<Cell> {
    // More than four decimals, or trailing zeros, are answered with a redirect.
    const point = await this.#ask(`/points/${Number(latitude.toFixed(4))},${Number(longitude.toFixed(4))}`, signal).catch((error: unknown) => {
      if (error instanceof WeatherError && error.status === 404) throw new WeatherError(`${NAME} has no weather for ZIP code ${zip}`, { cause: error })
      throw error
    })
    // Paths are built from checked parts: the URLs in the answer are the service's own, whatever base URL it was asked at.
    const { gridId, gridX, gridY } = properties(point)
    if (typeof gridId !== 'string' || !/^[A-Z]{3}$/.test(gridId) || !Number.isInteger(gridX) || !Number.isInteger(gridY)) throw nonsense(NAME)
    const path = `/gridpoints/${gridId}/${gridX},${gridY}`
    const { features } = (await this.#ask(`${path}/stations`, signal) ?? {}) as { features?: unknown }
    if (!Array.isArray(features)) throw nonsense(NAME)
    const stations = features.map(feature => properties(feature).stationIdentifier)
    return { path, stations: stations.filter(id => typeof id === 'string' && /^\w{3,12}$/.test(id)).slice(0, STATIONS) as string[] }
  }

  /** The nearest station's observation if it says everything; else all there is, best first. */
  async #sources ({ path, stations: [nearest, ...others] }: Cell, signal: AbortSignal): Promise<Source[]> {
    const failures: unknown[] = []
    const attempt = async (source: Promise<Source>): Promise<Source | undefined> => {
      try {
        return await source
      } catch (error) {
        signal.throwIfAborted()
        failures.push(error)
        return undefined
      }
    }
    const first = nearest === undefined ? undefined : await attempt(this.#observation(nearest, signal))
    if (first !== undefined && this.#isCurrent(first) && first.temperatureF !== undefined && first.conditions !== undefined && first.humidityPercent !== undefined) return [first]
    // Asking on would only prolong it.
    if (failures[0] instanceof WeatherError && failures[0].status === 429) throw failures[0]

    const [forecast, ...more] = await Promise.all([attempt(this.#forecast(path, signal)), ...others.map(id => attempt(this.#observation(id, signal)))])
    const observations = [first, ...more].filter(source => source !== undefined)
    const sources = [
      ...observations.filter(source => this.#isCurrent(source)),
      ...(forecast === undefined ? [] : [forecast]),
      ...observations.filter(source => !this.#isCurrent(source)).sort((a, b) => b.at - a.at)
    ]
    if (sources.length === 0) throw failures[0] ?? nonsense(NAME)
    return sources
  }

  async #observation (station: string, signal: AbortSignal): Promise<Source> {
    const { timestamp, temperature, textDescription, relativeHumidity } = properties(await this.#ask(`/stations/${station}/observations/latest`, signal))
    const at = Date.parse(String(timestamp))
    if (Number.isNaN(at)) throw nonsense(NAME)
    return { kind: 'observation', at, temperatureF: fahrenheit(temperature), conditions: oneLine(textDescription), humidityPercent: percent(relativeHumidity) }
  }

  async #forecast (path: string, signal: AbortSignal): Promise<Source> {
    const { periods } = properties(await this.#ask(`${path}/forecast/hourly`, signal))
    const now = this.#now()
    const hour = Array.isArray(periods) ? periods.find(({ endTime }) => Date.parse(endTime) > now) : undefined
    if (hour === undefined) throw nonsense(NAME)
    return {
      kind: 'forecast',
      at: now,
      temperatureF: within(hour.temperatureUnit === 'C' ? hour.temperature * 9 / 5 + 32 : hour.temperature, -150, 160),
      conditions: oneLine(hour.shortForecast),
      humidityPercent: percent(hour.relativeHumidity)
    }
  }

  #report (zip: string, location: string, sources: Source[]): Report {
    const measured = sources.find(source => source.temperatureF !== undefined)
    if (measured?.temperatureF === undefined) throw new WeatherError(`No station near ZIP code ${zip} reports a temperature at present; try again later`)
    const note = measured.kind === 'forecast'
      ? 'No station nearby reports at present; this is the forecast for this hour.'
      : this.#isCurrent(measured) ? undefined : `The latest observation is from ${new Date(measured.at).toISOString().slice(0, 16).replace('T', ' ')} UTC.`
    return {
      location,
      temperatureF: Math.round(measured.temperatureF),
      conditions: sources.find(source => source.conditions !== undefined)?.conditions ?? 'not reported',
      humidityPercent: sources.find(source => source.humidityPercent !== undefined)?.humidityPercent,
      observedAt: measured.kind === 'observation' ? new Date(measured.at).toISOString() : undefined,
      ...(note !== undefined && { note })
    }
  }

  #isCurrent (source: Source): boolean { return this.#now() - source.at < CURRENT_MS }

  async #ask (path: string, signal: AbortSignal): Promise<unknown> {
    // A User-Agent that identifies the application is required; without one the answer is 403.
    return await getJson(NAME, new URL(this.#baseUrl + path), { signal, retryAfter: RETRY_AFTER, headers: { accept: 'application/geo+json', 'user-agent': `mcpx/${version} (self-hosted MCP server)` } })
  }
}

function properties (body: unknown): Record<string, unknown> {
  const { properties } = (body ?? {}) as { properties?: unknown }
  return typeof properties === 'object' && properties !== null ? properties as Record<string, unknown> : {}
}

interface Quantity { unitCode?: unknown, value?: unknown }

function fahrenheit (quantity: unknown): number | undefined {
  const { unitCode, value } = (quantity ?? {}) as Quantity
  if (typeof value !== 'number') return undefined
  return within(String(unitCode).endsWith('degF') ? value : value * 9 / 5 + 32, -150, 160)
}

const percent = (quantity: unknown): number | undefined => within(((quantity ?? {}) as Quantity).value, 0, 100)
