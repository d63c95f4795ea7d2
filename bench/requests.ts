// What is asked in each workload, in either era, and whether an answer is right.
import type { Era } from './servers.ts'
import { FILLERS, STEPS, type ToolSet } from './tools.ts'

export type WorkloadId = 'echo' | 'echo 64 kB' | 'tools/list' | 'progress'

export interface Question { workload: WorkloadId, era: Era, headers: Record<string, string> }

/** A request whose id is yet to be filled in, between the two parts of its body. */
export interface Template { headers: Record<string, string>, before: string, after: string }

const VERSION = { 2026: '2026-07-28', 2025: '2025-11-25' }
const SMALL = 'The quick brown fox jumps over the lazy dog'
const LARGE = SMALL.repeat(Math.ceil(65_536 / SMALL.length)).slice(0, 65_536)
const LISTED: Record<ToolSet, number> = { five: 5, 200: 5 + FILLERS, progress: 6 }

export function template ({ workload, era, headers }: Question): Template {
  const method = workload === 'tools/list' ? 'tools/list' : 'tools/call'
  const name = workload === 'progress' ? 'countdown' : 'echo'
  const meta = {
    ...(workload === 'progress' && { progressToken: 1 }),
    ...(era === '2026' && {
      'io.modelcontextprotocol/protocolVersion': VERSION[2026],
      'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1.0.0' },
      'io.modelcontextprotocol/clientCapabilities': {}
    })
  }
  const params = {
    ...(method === 'tools/call' && { name, arguments: { message: workload === 'echo 64 kB' ? LARGE : SMALL } }),
    ...(Object.keys(meta).length > 0 && { _meta: meta })
  }
  const [before = '', after = ''] = JSON.stringify({ jsonrpc: '2.0', id: '@', method, params }).split('"@"')
  return {
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': VERSION[era],
      ...(era === '2026' && { 'mcp-method': method, ...(method === 'tools/call' && { 'mcp-name': name }) }),
      ...headers
    },
    before,
    after
  }
}

/** Asks once. @throws when the answer is not a good one */
export async function ask (url: string, question: Question, tools?: ToolSet): Promise<{ text: string, messages: any[] }> {
  const { headers, before, after } = template(question)
  const response = await fetch(url, { method: 'POST', headers, body: `${before}123456${after}`, signal: AbortSignal.timeout(10_000) })
  const text = await response.text()
  if (response.status !== 200) throw new Error(`status ${response.status}: ${text.slice(0, 200)}`)
  const messages = messagesOf(text, response.headers.get('content-type') ?? '')
  const wrong = whatIsWrong(question.workload, messages, tools)
  if (wrong !== undefined) throw new Error(`${question.workload}: ${wrong}: ${text.slice(0, 300)}`)
  return { text, messages }
}

/** Opens a session, and answers the headers that belong to it. */
export async function openSession (url: string): Promise<Record<string, string>> {
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
  const send = async (body: object, more = {}) => await fetch(url, { method: 'POST', headers: { ...headers, ...more }, body: JSON.stringify({ jsonrpc: '2.0', ...body }) })
  const opened = await send({ id: 1, method: 'initialize', params: { protocolVersion: VERSION[2025], capabilities: {}, clientInfo: { name: 'bench', version: '1.0.0' } } })
  await opened.text()
  const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' }
  await (await send({ method: 'notifications/initialized' }, session)).text()
  return session
}

function messagesOf (text: string, type: string): any[] {
  if (!type.startsWith('text/event-stream')) return [JSON.parse(text)]
  return text.split('\n').filter(line => line.startsWith('data:') && line.length > 6).map(line => JSON.parse(line.slice(5)))
}

function whatIsWrong (workload: WorkloadId, messages: any[], tools: ToolSet | undefined): string | undefined {
  const last = messages.at(-1)
  if (last?.id !== 123456 || last.result === undefined || last.result.isError) return 'no result'
  if (workload === 'tools/list') return tools === undefined || last.result.tools?.length === LISTED[tools] ? undefined : `${last.result.tools?.length} tools`
  if (workload === 'progress' && messages.filter(({ method }) => method === 'notifications/progress').length !== STEPS) return 'not three notifications'
  const message = last.result.structuredContent?.message ?? last.result.content?.[0]?.text
  return message === (workload === 'echo 64 kB' ? LARGE : SMALL) ? undefined : 'not what was said'
}
