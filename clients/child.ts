// The process of one client: `child.ts NUMBER WAY URL`. What it has seen is its last line on stdout.
import { tmpdir } from 'node:os'
import type { Place, Way } from './client.ts'
import { CLIENTS } from './families.ts'

const [number = '', way = '', url = ''] = process.argv.slice(2)
const place: Place = { way: way as Way, url, origin: new URL(url).origin, home: process.env.HOME ?? tmpdir() }
process.on('uncaughtException', end)
process.on('unhandledRejection', end)
try {
  const seen = await CLIENTS[Number(number)]?.drive(place)
  process.stdout.write(`\n${JSON.stringify({ seen })}\n`, () => process.exit(0))
} catch (error) {
  end(error)
}

function end (error: unknown): void {
  process.stdout.write(`\n${JSON.stringify({ failed: reason(error) })}\n`, () => process.exit(1))
}

function reason (error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error && !error.message.includes(cause.message) ? `${error.message}: ${cause.message}` : error.message
}
