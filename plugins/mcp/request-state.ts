// Signed state that travels through the client between rounds of questions (SEP-2322): whose it is, for which call, and that
// a call goes on with it once.
import { createHash, randomBytes } from 'node:crypto'
import { createRequestStateCodec, ProtocolErrorCode, type RequestId, type ServerContext } from '@modelcontextprotocol/server'
import type { FastifyRequest } from 'fastify'
import { nowMs } from '../../lib/clock.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { ToolError } from '../catalog/contract.ts'
import { asAuthInfo, contextOf } from './sdk/request-context.ts'

const LIFETIME_MS = 600_000
// Of all callers together, in the order of their use: more than one may make in a lifetime.
const MOST_USED = 10_000

/** What is signed. */
interface Sealed { readonly state?: unknown, readonly nonce: string }

export interface RequestState {
  mint: (state: unknown, request: FastifyRequest, id?: RequestId) => Promise<string>
  verify: (state: string, ctx: ServerContext) => Promise<Sealed>
  /**
   * The state of what was verified, for a handler that goes on with it: once, so that what a user has confirmed is not done
   * again. Each process remembers for itself.
   * @throws ToolError -32602
   */
  use: <T>(sealed: Sealed) => T
}

export function createRequestState (key: Buffer, catalog: Catalog): RequestState {
  const codec = createRequestStateCodec<Sealed>({ key, ttlSeconds: LIFETIME_MS / 1000, bind: ({ http, mcpReq }) => callOf(catalog, contextOf(http?.authInfo)?.request, mcpReq.id) })
  const used = new Map<string, number>()

  return {
    mint: (state, request, id) => codec.mint({ state, nonce: randomBytes(12).toString('base64url') }, { http: { authInfo: asAuthInfo({ request }) }, mcpReq: { id } } as ServerContext),
    verify: codec.verify,
    use: ({ state, nonce }) => {
      const now = nowMs()
      for (const [oldest, end] of used) {
        if (end > now && used.size < MOST_USED) break
        used.delete(oldest)
      }
      if (used.has(nonce)) throw new ToolError('Invalid or expired requestState', { code: ProtocolErrorCode.InvalidParams }) // as the SDK says it
      used.set(nonce, now + LIFETIME_MS)
      return state as never
    }
  }
}

interface Message { readonly id?: unknown, readonly method?: string, readonly params?: { readonly name?: string, readonly uri?: string, readonly arguments?: Record<string, unknown> } }

/** The call that state is of, and who makes it: what was confirmed for one amount proves nothing for another. */
function callOf (catalog: Catalog, request: FastifyRequest | undefined, id: RequestId | undefined): string {
  const body = (request?.body ?? {}) as Message | readonly Message[]
  const { method, params = {} } = (Array.isArray(body) ? body.find(message => message?.id === id) : body as Message) ?? {}
  const { name = params.uri, arguments: given = {} } = params
  const item = method === 'tools/call' ? catalog.tools.get(name ?? '') : method === 'prompts/get' ? catalog.prompts.get(name ?? '') : undefined
  const args = structuredClone(given)
  item?.validateArguments(args) // fills in the defaults, as has happened to them where state is minted
  return JSON.stringify([request?.principal?.id, method, name, createHash('sha256').update(canonical(args)).digest('base64url')])
}

/** JSON that does not depend on the order of keys. */
const canonical = (value: unknown): string => JSON.stringify(value, (_key, item: unknown) =>
  item !== null && typeof item === 'object' && !Array.isArray(item) ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => a < b ? -1 : 1)) : item)
