import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { table } from '../../tools/get_weather/draw-places.ts'
import { findPlace } from '../../tools/get_weather/places.ts'

const lines = readFileSync(path.join(import.meta.dirname, '../../tools/get_weather/places.txt'), 'utf8').split('\n').slice(0, -1)

t.test('the table is the one that its generator draws', t => {
  t.ok(lines.join('\n') + '\n' === table(), 'drawn anew: node tools/get_weather/draw-places.ts')
  t.ok(Math.max(...lines.map(line => Buffer.byteLength(line))) < 100)
  t.end()
})

t.test('each place is found by its ZIP code, and what has none is not', async t => {
  const some = [...lines.slice(0, 20), ...lines.filter((_, i) => i % 211 === 0), ...lines.slice(-20)]
  for (const line of some) {
    const [zip = '', latitude, longitude, ...name] = line.split(' ')
    const coordinates = /, A[AEP]$/.test(line) ? undefined : { latitude: Number(latitude), longitude: Number(longitude) }
    t.same(await findPlace(zip), { name: name.join(' '), coordinates })
  }
  for (const zip of ['00000', '00502', '10000', '99951', '99999', '1000', '100010', 'a']) t.equal(await findPlace(zip), undefined, zip)
})
