// The Responses API of OpenAI with its web search tool: streamed events as its reference documents them, and its errors.
import type { ServerResponse } from 'node:http'
import type { Test } from 'tap'
import { type Answer, json, startUpstream, type Upstream } from './upstream.ts'

export const KEY = 'sk-proj-Abcdefghijklmnopqrstuvwxyz0123456789'

export interface Found { title: string, url: string, snippet: string }
interface Citation { url: string, title: string }

export const pages: Found[] = [
  { title: 'Model Context Protocol', url: 'https://modelcontextprotocol.io/', snippet: 'What MCP is.' },
  { title: 'Specification', url: 'https://modelcontextprotocol.io/specification?a=1&b=2', snippet: 'The specification of MCP.' },
  { title: 'On GitHub', url: 'http://github.com/modelcontextprotocol', snippet: 'Its source.' }
]

export interface Searched {
  /** What the model writes; by default the pages as JSON. */
  text?: string
  /** What the search call reports; by default the URLs of the pages. */
  sources?: unknown[]
  /** What the text cites. */
  citations?: Citation[]
  refusal?: string
  /** Other members of the final response. */
  final?: object
  /** The last event; by default `response.completed`. */
  last?: string
}

const search = (sources: unknown[]) => ({ id: 'ws_1', type: 'web_search_call', status: 'completed', action: { type: 'search', query: 'q', queries: ['q'], sources } })

/** The events of one search, in the order in which they are sent. */
export function events ({ text = JSON.stringify({ results: pages }), sources = pages.map(({ url }) => ({ type: 'url', url })), citations = [], refusal, final = {}, last = 'response.completed' }: Searched = {}): Array<{ type: string, [key: string]: unknown }> {
  const annotations = citations.map(({ url, title }) => ({ type: 'url_citation', start_index: 0, end_index: 1, url, title }))
  const part = refusal === undefined ? { type: 'output_text', text, annotations, logprobs: [] } : { type: 'refusal', refusal }
  const message = { id: 'msg_1', type: 'message', status: 'completed', role: 'assistant', content: [part] }
  const response = { id: 'resp_1', object: 'response', created_at: 1763900000, model: 'gpt-5-mini', status: 'in_progress', error: null, incomplete_details: null, output: [] as unknown[] }
  const half = Math.floor(text.length / 2)
  return [
    { type: 'response.created', response },
    { type: 'response.in_progress', response },
    { type: 'response.output_item.added', output_index: 0, item: { id: 'ws_1', type: 'web_search_call', status: 'in_progress' } },
    { type: 'response.web_search_call.in_progress', output_index: 0, item_id: 'ws_1' },
    { type: 'response.web_search_call.searching', output_index: 0, item_id: 'ws_1' },
    { type: 'response.web_search_call.completed', output_index: 0, item_id: 'ws_1' },
    { type: 'response.output_item.done', output_index: 0, item: search(sources) },
    { type: 'response.output_item.added', output_index: 1, item: { ...message, status: 'in_progress', content: [] } },
    ...(refusal === undefined
      ? [text.slice(0, half), text.slice(half)].map(delta => ({ type: 'response.output_text.delta', item_id: 'msg_1', output_index: 1, content_index: 0, delta }))
      : [{ type: 'response.refusal.delta', item_id: 'msg_1', output_index: 1, content_index: 0, delta: refusal }]),
    { type: 'response.output_item.done', output_index: 1, item: message },
    { type: last, response: { ...response, status: 'completed', output: [{ id: 'rs_1', type: 'reasoning', summary: [] }, search(sources), message], ...final } }
  ].map((event, sequence_number) => Object.assign(event, { sequence_number }))
}

const write = (res: ServerResponse, event: { type: string }) => { res.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`) }

/** Streams events; `until` keeps back those from that type on, and leaves the stream open. */
export const stream = (list: Array<{ type: string }>, until?: string): Answer => res => {
  res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  for (const event of list) {
    if (event.type === until) return
    write(res, event)
  }
  res.end()
}

export const searched = (options?: Searched): Answer => stream(events(options))

export const failure = (status: number, error: { message: string, type?: string, code?: string | null, param?: string | null }, headers: Record<string, string> = {}): Answer =>
  json({ error: { type: 'invalid_request_error', param: null, code: null, ...error } }, status, { 'x-request-id': 'req_1', ...headers })

export const invalidKey = failure(401, { message: `Incorrect API key provided: ${KEY}. You can find your API key at https://platform.openai.com/account/api-keys.`, code: 'invalid_api_key' })

/** Answers searches that are asked as the API demands. */
export async function startOpenAI (t: Test): Promise<Upstream> {
  return await startUpstream(t, (res, seen) => {
    if (seen.method !== 'POST' || seen.url.pathname !== '/v1/responses') return failure(404, { message: `Invalid URL (${seen.method} ${seen.url.pathname})` })(res, seen)
    if (seen.headers.authorization !== `Bearer ${KEY}`) return invalidKey(res, seen)
    const { model, tools, include, stream: streamed } = JSON.parse(seen.body)
    if (typeof model !== 'string' || tools?.[0]?.type !== 'web_search') return failure(400, { message: 'Missing required parameter' })(res, seen)
    if (!streamed) return failure(400, { message: 'This stand-in only streams' })(res, seen)
    searched(include?.includes('web_search_call.action.sources') ? {} : { sources: [] })(res, seen)
  })
}
