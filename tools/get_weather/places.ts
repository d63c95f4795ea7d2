// Which place a ZIP code is. The table is a file of sorted lines, looked into and never loaded: 42,555 places cost no memory.
import { open } from 'node:fs/promises'
import path from 'node:path'

export interface Place {
  /** City and state: `New York, NY`. */
  readonly name: string
  /** Undefined for military addresses (APO, FPO, DPO), which are abroad or at sea. */
  readonly coordinates: { readonly latitude: number, readonly longitude: number } | undefined
}

const TABLE = path.join(import.meta.dirname, 'places.txt')
const LONGEST_LINE = 100 // a test looks at each
const MILITARY = new Set(['AA', 'AE', 'AP'])

/** Finds the place of a five-digit ZIP code; undefined when there is none. */
export async function findPlace (zip: string): Promise<Place | undefined> {
  await using table = await open(TABLE)
  let [from, to] = [0, (await table.stat()).size]
  const bytes = Buffer.alloc(2 * LONGEST_LINE)
  // The line is one that begins in what is left: halved until it is one.
  while (from < to) {
    const middle = Math.floor((from + to) / 2)
    const start = Math.max(0, middle - LONGEST_LINE)
    const { bytesRead } = await table.read(bytes, 0, bytes.length, start)
    const begin = middle === 0 ? 0 : bytes.lastIndexOf('\n', middle - start - 1) + 1
    const end = bytes.subarray(0, bytesRead).indexOf('\n', begin)
    const [code = '', latitude, longitude, ...name] = bytes.toString('utf8', begin, end).split(' ')
    if (code === zip) return placeOf(name.join(' '), Number(latitude), Number(longitude))
    if (code < zip) from = start + end + 1
    else to = start + begin
  }
  return undefined
}

function placeOf (name: string, latitude: number, longitude: number): Place {
  return { name, coordinates: MILITARY.has(name.slice(-2)) ? undefined : { latitude, longitude } }
}
