// node tools/get_weather/draw-places.ts: draws places.txt from the package zipcodes, which is heavy to load and used for nothing else.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import zipcodes from 'zipcodes'

export function table (): string {
  const places = Object.values(zipcodes.codes).filter(({ zip }) => /^\d{5}$/.test(zip)).sort((a, b) => a.zip < b.zip ? -1 : 1) // not those of Canada
  return places.map(({ zip, latitude, longitude, city, state }) => `${zip} ${latitude} ${longitude} ${city}, ${state}\n`).join('')
}

if (import.meta.main) writeFileSync(path.join(import.meta.dirname, 'places.txt'), table())
