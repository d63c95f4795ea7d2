// Current weather by ZIP code: from OpenWeatherMap where the operator has a key for it, else from the National Weather Service.
import { type Static, Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { FreshCache } from '../../lib/fresh-cache.ts'
import { OpenWeatherMap } from './openweathermap.ts'
import { findPlace } from './places.ts'
import { type Report, WeatherError } from './service.ts'
import { WeatherGov } from './weather-gov.ts'

const MINUTE_MS = 60_000
const BUDGET_MS = 2800 // for all upstream requests of a lookup together, so that the answer is there within 3 s
const TIMEOUT_MS = 5000 // the host's limit, should the budget ever not hold

const url = (value: string, description: string) => Type.String({ default: value, pattern: '^https?://[^\\s/]+', allowed: 'an http:// or https:// URL', description })

export const settings = Type.Object({
  WEATHER_API_KEY: Type.Optional(Type.String({ secret: true, description: 'OpenWeatherMap API key for get_weather. Unset, api.weather.gov is used, which needs none.' })),
  OPENWEATHERMAP_BASE_URL: url('https://api.openweathermap.org', 'OpenWeatherMap API, or a proxy of it.'),
  WEATHER_GOV_BASE_URL: url('https://api.weather.gov', 'National Weather Service API, or a proxy of it.')
})

interface Options {
  readonly settings: Static<typeof settings>
  /** The clock that ages answers. */
  readonly now?: () => number
}

export default async function getWeather (fastify: FastifyInstance, { settings: given, now = Date.now }: Options) {
  const { WEATHER_API_KEY: key, OPENWEATHERMAP_BASE_URL, WEATHER_GOV_BASE_URL } = given
  const service = key === undefined ? new WeatherGov(WEATHER_GOV_BASE_URL, now) : new OpenWeatherMap(OPENWEATHERMAP_BASE_URL, key)
  const reports = new FreshCache<Report>({ freshMs: 10 * MINUTE_MS, staleMs: 60 * MINUTE_MS, max: 1000 }, now)

  fastify.mcp.registerTool('get_weather', {
    title: 'Weather',
    description: 'Returns current weather conditions for a US ZIP code: temperature, conditions and humidity',
    inputSchema: Type.Object({ zip_code: Type.String({ pattern: '^[0-9]{5}$', description: '5-digit US ZIP code, for example 10001', examples: ['10001'] }) }),
    outputSchema: Type.Object({
      zip_code: Type.String(),
      location: Type.String({ description: 'City and state' }),
      temperature_f: Type.Number({ description: 'Temperature in °F' }),
      conditions: Type.String(),
      humidity_percent: Type.Optional(Type.Number({ description: 'Relative humidity; missing when no station reports it' })),
      source: Type.String({ description: 'Weather service that the values come from' }),
      observed_at: Type.Optional(Type.String({ format: 'date-time' })),
      age_minutes: Type.Integer({ description: 'How long ago the weather service was asked' }),
      stale: Type.Boolean({ description: 'Whether this is an older answer that stands in because the weather service failed' }),
      note: Type.Optional(Type.String({ description: 'What to know about these values' }))
    }),
    annotations: { readOnlyHint: true, idempotentHint: true, openWorldHint: true },
    timeoutMs: TIMEOUT_MS
  }, async ({ zip_code: zip }, ctx) => {
    try {
      const { value, ageMs, failure } = await reports.get(zip, signal => lookUp(zip, signal), ctx.signal)
      fastify.metrics.count('cache', { tool: 'get_weather', result: failure !== undefined ? 'stale' : ageMs > 0 ? 'hit' : 'miss' })
      if (failure !== undefined) ctx.log.warn({ err: failure, tool: 'get_weather' }, 'an older answer stands in for a failed lookup')
      return present(zip, value, ageMs, failure)
    } catch (error) {
      if (error instanceof WeatherError) throw ctx.error(error.message, { cause: error })
      throw error
    }
  })

  async function lookUp (zip: string, signal: AbortSignal): Promise<Report> {
    const place = await findPlace(zip)
    const budget = AbortSignal.timeout(BUDGET_MS)
    try {
      return await service.current(zip, place, AbortSignal.any([signal, budget]))
    } catch (error) {
      if (budget.aborted && !(error instanceof WeatherError)) throw new WeatherError(`${service.name} took too long to answer; try again in a moment`, { cause: error })
      throw error
    }
  }

  function present (zip: string, report: Report, ageMs: number, failure: unknown) {
    const { location, temperatureF, conditions, humidityPercent, observedAt } = report
    const minutes = Math.floor(ageMs / MINUTE_MS)
    const standIn = failure instanceof Error ? `This is from ${minutes} minutes ago, because ${failure.message}.` : undefined
    const note = [standIn, report.note].filter(Boolean).join(' ')
    return {
      content: [{
        type: 'text' as const,
        text: [
          `Weather for ${location} (${zip}):`,
          `Temperature: ${temperatureF}°F`,
          `Conditions: ${conditions}`,
          `Humidity: ${humidityPercent === undefined ? 'not reported' : `${Math.round(humidityPercent)}%`}`,
          ...(note === '' ? [] : [`Note: ${note}`])
        ].join('\n')
      }],
      structuredContent: {
        zip_code: zip,
        location,
        temperature_f: temperatureF,
        conditions,
        ...(humidityPercent !== undefined && { humidity_percent: Math.round(humidityPercent) }),
        source: service.name,
        ...(observedAt !== undefined && { observed_at: observedAt }),
        age_minutes: minutes,
        stale: failure !== undefined,
        ...(note !== '' && { note })
      }
    }
  }
}
