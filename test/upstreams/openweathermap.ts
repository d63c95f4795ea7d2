// OpenWeatherMap's current weather endpoint (openweathermap.org/current), and its documented errors.
import type { Test } from 'tap'
import { json, startUpstream, type Upstream } from './upstream.ts'

export const KEY = '0123456789abcdef0123456789abcdef'

export const newYork = {
  coord: { lon: -73.9967, lat: 40.7484 },
  weather: [{ id: 802, main: 'Clouds', description: 'partly cloudy', icon: '03d' }],
  base: 'stations',
  main: { temp: 71.6, feels_like: 71.2, temp_min: 68.4, temp_max: 75, pressure: 1016, humidity: 65 },
  visibility: 10000,
  wind: { speed: 6.91, deg: 240 },
  clouds: { all: 40 },
  dt: 1763900000,
  sys: { type: 2, id: 2008101, country: 'US', sunrise: 1763898000, sunset: 1763932000 },
  timezone: -18000,
  id: 0,
  name: 'New York',
  cod: 200
}

export const invalidKey = json({ cod: 401, message: `Invalid API key ${KEY}. Please see https://openweathermap.org/faq#error401 for more info.` }, 401)
export const notFound = json({ cod: '404', message: 'city not found' }, 404)
export const limited = json({ cod: 429, message: 'Your account is temporary blocked due to exceeding of requests limitation of your subscription type.' }, 429)
export const broken = json({ cod: '500', message: 'Internal error: 500001' }, 500)

/** Answers for any ZIP code except 99999 and 00000, which it does not know. */
export async function startOpenWeatherMap (t: Test): Promise<Upstream> {
  return await startUpstream(t, (res, seen) => {
    const { url: { pathname, searchParams } } = seen
    const zip = searchParams.get('zip')
    if (pathname !== '/data/2.5/weather') return json({ cod: '404', message: 'Internal error' }, 404)(res, seen)
    if (searchParams.get('appid') !== KEY) return invalidKey(res, seen)
    if (zip === null || /^(99999|00000)/.test(zip)) return notFound(res, seen)
    const temp = searchParams.get('units') === 'imperial' ? newYork.main.temp : 295.15
    json({ ...newYork, main: { ...newYork.main, temp } })(res, seen)
  })
}
