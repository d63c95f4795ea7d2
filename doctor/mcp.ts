// MCP messages as clients of both eras send them.
import { sseData } from '../lib/sse.ts'
import type { Answer } from './http.ts'

export const LEGACY = '2025-11-25'
export const MODERN = '2026-07-28'
export type Era = '2025' | '2026'

const CLIENT = { name: 'mcpx-doctor', version: '1' }

export const MCP_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }

export const initializeBody = message('initialize', { protocolVersion: LEGACY, capabilities: {}, clientInfo: CLIENT })

function message (method: string, params: Record<string, unknown>): string {
  return JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
}

/** Headers and body of a request; one of 2026 says everything about itself, in its headers too (SEP-2243, SEP-2575). */
export function requestOf (era: Era, method: string, params: Record<string, unknown> = {}): { headers: Record<string, string>, body: string } {
  if (era === '2025') return { headers: { ...MCP_HEADERS, 'mcp-protocol-version': LEGACY }, body: message(method, params) }
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientInfo': CLIENT,
    'io.modelcontextprotocol/clientCapabilities': {}
  }
  return {
    headers: { ...MCP_HEADERS, 'mcp-protocol-version': MODERN, 'mcp-method': method, ...(typeof params.name === 'string' && { 'mcp-name': params.name }) },
    body: message(method, { ...params, _meta })
  }
}

/** The last JSON-RPC message of an answer, whether it is JSON or a stream. */
export function lastMessage ({ text, json }: Answer): { result?: any, error?: { message?: string } } | undefined {
  if (json !== undefined) return json
  const data = sseData(text).at(-1)
  try {
    return data === undefined ? undefined : JSON.parse(data)
  } catch {
    return undefined
  }
}
