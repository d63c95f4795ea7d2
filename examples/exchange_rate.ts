// An HTTP API: answers are kept for a while, a slow service is given up on, and each failure says what to do next.
import { type Static, Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'

export const settings = Type.Object({
  RATES_BASE_URL: Type.String({ default: 'https://api.frankfurter.dev', pattern: '^https?://[^\\s/]+', allowed: 'an http:// or https:// URL', description: 'API of exchange rates, or a proxy of it.' }),
  RATES_TIMEOUT_MS: Type.Integer({ default: 3000, minimum: 1, maximum: 60_000, description: 'Milliseconds after which the service is given up on.' })
})

interface Rates { readonly date: string, readonly rates: Record<string, number> }

const FRESH_MS = 10 * 60_000
const MOST_KEPT = 200

const currency = (description: string) => Type.String({ pattern: '^[A-Z]{3}$', description, examples: ['EUR'] })

export default async function exchangeRateTool (fastify: FastifyInstance, { settings: given }: { settings: Static<typeof settings> }) {
  // What is kept are promises, so that ten calls at once ask the service once.
  const kept = new Map<string, { at: number, rates: Promise<Rates> }>()

  fastify.mcp.registerTool('exchange_rate', {
    title: 'Exchange rate',
    description: 'Converts an amount of money with the reference rates of the European Central Bank, which change once a working day',
    inputSchema: Type.Object({
      from: currency('Currency of the amount, three letters of ISO 4217'),
      to: currency('Currency wanted, three letters of ISO 4217'),
      amount: Type.Number({ default: 1, minimum: 0, description: 'How much of it' })
    }),
    outputSchema: Type.Object({ amount: Type.Number(), rate: Type.Number(), date: Type.String({ description: 'Day of the rate' }) }),
    annotations: { readOnlyHint: true, openWorldHint: true },
    timeoutMs: 10_000
  }, async ({ from, to, amount }, ctx) => {
    const found = kept.get(from)
    const isFresh = found !== undefined && Date.now() - found.at < FRESH_MS
    const rates = isFresh ? found.rates : ask(from)
    if (!isFresh) keep(from, rates)
    try {
      const { date, rates: all } = await rates
      const rate = all[to]
      if (rate === undefined) throw ctx.error(`There is no rate from ${from} to ${to}. Rates from ${from} lead to: ${Object.keys(all).join(', ')}`)
      const result = { amount: amount * rate, rate, date }
      return { content: [{ type: 'text', text: `${amount} ${from} = ${result.amount.toFixed(2)} ${to} (${date})` }], structuredContent: result }
    } catch (cause) {
      if (cause instanceof ServiceError) throw ctx.error(cause.message, { cause })
      throw cause
    }
  })

  function keep (from: string, rates: Promise<Rates>): void {
    kept.delete(from)
    kept.set(from, { at: Date.now(), rates })
    const [oldest] = kept.keys()
    if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest)
    // A failure is not kept: the next call asks again.
    rates.catch(() => { if (kept.get(from)?.rates === rates) kept.delete(from) })
  }

  // The call's own signal is not handed on: others may wait for the same answer. The server lets a caller go who does not.
  async function ask (from: string): Promise<Rates> {
    let response: Response
    try {
      response = await fetch(`${given.RATES_BASE_URL}/v1/latest?base=${from}`, { signal: AbortSignal.timeout(given.RATES_TIMEOUT_MS) })
    } catch (cause) {
      throw new ServiceError('The service of exchange rates does not answer; try again in a minute', { cause })
    }
    if (response.status === 404) throw new ServiceError(`There are no rates for ${from}: use a code of ISO 4217, such as USD`)
    if (response.status === 429) throw new ServiceError('The service of exchange rates has had too many questions; try again in an hour')
    if (!response.ok) throw new ServiceError(`The service of exchange rates has a problem of its own (${response.status}); try again later`)
    const body = await response.json().catch(() => undefined) as Partial<Rates> | undefined
    if (typeof body?.date !== 'string' || typeof body.rates !== 'object') throw new ServiceError('The service of exchange rates answered with something else than rates; try again later')
    return body as Rates
  }
}

/** Says something that may be shown to whoever called. */
class ServiceError extends Error {}
