// api.weather.gov as its OpenAPI document describes it: points, stations of a grid cell, latest observations, hourly forecast.
import type { Test } from 'tap'
import { type Answer, json, startUpstream, type Upstream } from './upstream.ts'

export interface Weather {
  /** Answers of /stations/{id}/observations/latest, nearest station first. */
  stations: Record<string, Answer>
  forecast: Answer
}

const geo = (properties: object): Answer => json({ '@context': [], type: 'Feature', properties }, 200, { 'content-type': 'application/geo+json' })
const quantity = (unitCode: string, value: number | null) => ({ unitCode: `wmoUnit:${unitCode}`, value, qualityControl: value === null ? 'Z' : 'V' })

/** An observation; null is what a station reports for what it did not measure. */
export function observation ({ celsius = 22.2 as number | null, humidity = 64.9 as number | null, text = 'Partly Cloudy', minutesAgo = 20 } = {}): Answer {
  return geo({
    station: 'https://api.weather.gov/stations/KNYC',
    timestamp: new Date(Date.now() - minutesAgo * 60_000).toISOString().replace('Z', '+00:00'),
    textDescription: text,
    temperature: quantity('degC', celsius),
    relativeHumidity: quantity('percent', humidity)
  })
}

/** An hourly forecast whose first hour is over. */
export function forecast (temperature: number, humidity = 70): Answer {
  const hour = (offset: number, temperature: number) => ({
    number: 1,
    startTime: new Date(Date.now() + (offset - 0.5) * 3_600_000).toISOString(),
    endTime: new Date(Date.now() + (offset + 0.5) * 3_600_000).toISOString(),
    temperature,
    temperatureUnit: 'F',
    relativeHumidity: quantity('percent', humidity),
    shortForecast: 'Mostly Sunny'
  })
  return geo({ units: 'us', periods: [hour(-1, -99), hour(0, temperature), hour(1, 120)] })
}

export const problem = (status: number, title: string, headers: Record<string, string> = {}): Answer => json(
  { correlationId: '3b59d1fd', title, type: 'https://api.weather.gov/problems/X', status, detail: title }, status, { 'content-type': 'application/problem+json', ...headers })

/** Knows one grid cell, for New York; `weather` may be changed while it runs. */
export async function startWeatherGov (t: Test): Promise<Upstream & { weather: Weather }> {
  const weather: Weather = { stations: { KNYC: observation(), KLGA: observation(), KJRB: observation() }, forecast: forecast(70) }
  const upstream = await startUpstream(t, (res, seen) => {
    const { url: { pathname }, headers } = seen
    if (!headers['user-agent']?.startsWith('mcpx/')) return problem(403, 'Forbidden')(res, seen)
    const station = /^\/stations\/(\w+)\/observations\/latest$/.exec(pathname)?.[1]
    if (station !== undefined) return (weather.stations[station] ?? problem(404, 'Not Found'))(res, seen)
    switch (pathname) {
      // Absolute URLs of the real service, as it sends them: nothing may be fetched from there.
      case '/points/40.7484,-73.9967':
        return geo({ gridId: 'OKX', gridX: 33, gridY: 35, observationStations: 'https://api.weather.gov/gridpoints/OKX/33,35/stations', forecastHourly: 'https://api.weather.gov/gridpoints/OKX/33,35/forecast/hourly' })(res, seen)
      case '/gridpoints/OKX/33,35/stations':
        return json({ type: 'FeatureCollection', features: Object.keys(weather.stations).map(stationIdentifier => ({ type: 'Feature', properties: { stationIdentifier, name: stationIdentifier } })) })(res, seen)
      case '/gridpoints/OKX/33,35/forecast/hourly':
        return weather.forecast(res, seen)
    }
    problem(404, 'Data Unavailable For Requested Point')(res, seen)
  })
  return Object.assign(upstream, { weather })
}
