// OpenWeatherMap, "Current weather data" 2.5: one request by ZIP code, with the operator's key.
import type { Place } from './places.ts'
import { getJson, nonsense, oneLine, type Report, WeatherError, type WeatherService, within } from './service.ts'

const NAME = 'OpenWeatherMap'
const RETRY_AFTER = 60 // its limits are per minute, and its 429 does not say when

export class OpenWeatherMap implements WeatherService {
  readonly name = NAME
  readonly #baseUrl: string
  readonly #key: string

  constructor (baseUrl: string, key: string) {
    this.#baseUrl = baseUrl.replace(/(?<!\/)\/+$/, '')
    this.#key = key
  }

  async current (zip: string, place: Place | undefined, signal: AbortSignal): Promise<Report> {
    const url = new URL(`${this.#baseUrl}/data/2.5/weather`)
    url.search = new URLSearchParams({ zip: `${zip},US`, units: 'imperial', appid: this.#key }).toString()
    return read(await this.#ask(url, zip, signal), place)
  }

  async #ask (url: URL, zip: string, signal: AbortSignal): Promise<unknown> {
    try {
      const body = await getJson(NAME, url, { signal, retryAfter: RETRY_AFTER, redirect: 'error' })
      // Errors also come with status 200 and the real one in the body.
      const status = Number((body as { cod?: unknown } | null)?.cod ?? 200)
      if (status === 200) return body
      throw new WeatherError(status === 429 ? `${NAME} is limiting requests; try again in ${RETRY_AFTER} s` : `${NAME} refused the request (code ${status})`, { status })
    } catch (error) {
      if (!(error instanceof WeatherError)) throw error
      const { status } = error
      if (status === 401) throw new WeatherError(`${NAME} does not accept the API key; the operator of this server has to check WEATHER_API_KEY (a new key takes up to two hours to work)`, { cause: error, status })
      if (status === 404) throw new WeatherError(`ZIP code ${zip} was not found`, { cause: error, status })
      throw error
    }
  }
}

function read (body: unknown, place: Place | undefined): Report {
  const { main, weather, name, dt } = (body ?? {}) as { main?: { temp?: unknown, humidity?: unknown }, weather?: Array<{ description?: unknown }>, name?: unknown, dt?: unknown }
  const temperature = within(main?.temp, -150, 160)
  const conditions = oneLine(Array.isArray(weather) ? weather[0]?.description : undefined)
  const location = place?.name ?? oneLine(name)
  if (temperature === undefined || conditions === undefined || location === undefined) throw nonsense(NAME)
  const seconds = within(dt, 0, 1e11)
  return {
    location,
    temperatureF: Math.round(temperature),
    conditions: conditions.replace(/(?<=^|\s)\p{L}/gu, letter => letter.toUpperCase()), // it writes "broken clouds"
    humidityPercent: within(main?.humidity, 0, 100),
    observedAt: seconds === undefined ? undefined : new Date(seconds * 1000).toISOString()
  }
}
