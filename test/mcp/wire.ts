// MCP over plain fetch, where a test has to send or see what clients keep to themselves.
import { parseSse } from '../../lib/sse.ts'

export const MODERN = '2026-07-28'
export const LEGACY = '2025-11-25'

export interface Message { id?: number, method?: string, params?: Record<string, any>, result?: Record<string, any>, error?: { code: number, message: string, data?: unknown } }

export interface Send {
  headers?: Record<string, string>
  signal?: AbortSignal
  /** What the client says it can do; 2026 only, 2025 says it once a session. */
  capabilities?: object
  /** More of `_meta`. */
  meta?: object
}

/** Posts any body, as a client of either era would. */
export async function post (endpoint: string, body: unknown, { headers, signal }: Send = {}): Promise<Response> {
  return await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(signal && { signal })
  })
}

/** A request of 2026-07-28: it says everything about itself, in its headers too (SEP-2243, SEP-2575). */
export async function modern (endpoint: string, method: string, params: Record<string, unknown> = {}, send: Send = {}): Promise<Response> {
  const name = params.name ?? params.uri
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': send.capabilities ?? {},
    ...send.meta
  }
  const headers = { 'mcp-protocol-version': MODERN, 'mcp-method': method, ...(typeof name === 'string' && { 'mcp-name': name }), ...send.headers }
  return await post(endpoint, { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } }, { ...send, headers })
}

/** A request of 2025-11-25, in a session if the headers name one. */
export async function legacy (endpoint: string, method: string, params: Record<string, unknown> = {}, send: Send = {}): Promise<Response> {
  return await post(endpoint, { jsonrpc: '2.0', id: 1, method, params: { ...params, ...(send.meta && { _meta: send.meta }) } }, { ...send, headers: { 'mcp-protocol-version': LEGACY, ...send.headers } })
}

/** Opens a session, and answers the headers that belong to it. */
export async function openSession (endpoint: string, headers: Record<string, string> = {}, capabilities: object = {}): Promise<Record<string, string>> {
  const opened = await legacy(endpoint, 'initialize', { protocolVersion: LEGACY, capabilities, clientInfo: { name: 'test', version: '1' } }, { headers })
  await opened.text()
  const id = opened.headers.get('mcp-session-id')
  if (id === null) throw new Error(`no session: ${opened.status}`)
  const session = { ...headers, 'mcp-session-id': id, 'mcp-protocol-version': LEGACY }
  await post(endpoint, { jsonrpc: '2.0', method: 'notifications/initialized' }, { headers: session })
  return session
}

export interface StreamEvent { id?: string, retry?: string, comment?: string, message?: Message }

/** The events of a stream as they arrive, comments included (WHATWG HTML, 9.2.6). */
export async function * events (response: Response): AsyncGenerator<StreamEvent> {
  let text = ''
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const { events, rest } = parseSse(text + chunk)
    text = rest
    for (const { data, ...event } of events) yield { ...event, ...(data && { message: JSON.parse(data) }) }
  }
}

/** Every message of a response, JSON or stream. */
export async function messages (response: Response): Promise<Message[]> {
  if (response.headers.get('content-type')?.startsWith('application/json')) return [await response.json()].flat()
  const all: Message[] = []
  for await (const { message } of events(response)) if (message !== undefined) all.push(message)
  return all
}

/** The answer of a response: its last message. */
export async function answer (response: Response | Promise<Response>): Promise<Message> {
  return (await messages(await response)).at(-1) ?? {}
}
