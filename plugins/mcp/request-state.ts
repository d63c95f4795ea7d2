// Signed state that travels through the client between rounds of questions (SEP-2322), and whose it is.
import { createRequestStateCodec, type ServerContext } from '@modelcontextprotocol/server'
import type { FastifyRequest } from 'fastify'
import { carrying, exchangeOf } from './sdk/carried.ts'

export interface RequestState {
  mint: (state: unknown, request: FastifyRequest) => Promise<string>
  verify: (state: string, ctx: ServerContext) => Promise<unknown>
}

export function createRequestState (key: Buffer): RequestState {
  const codec = createRequestStateCodec({ key, bind: ({ http }) => ownerOfState(exchangeOf(http?.req)?.request) })
  return {
    mint: (state, request) => {
      const req = carrying(new Request('http://localhost'), { request }) // what the codec knows a request by
      return codec.mint(state, { http: { req } } as ServerContext)
    },
    verify: codec.verify
  }
}

/** Whose state it is, and for what: the state of one tool proves nothing to another. */
function ownerOfState (request: FastifyRequest | undefined): string {
  const { method, params } = (request?.body ?? {}) as { method?: string, params?: { name?: string, uri?: string } }
  return JSON.stringify([request?.principal?.id, method, params?.name ?? params?.uri])
}
