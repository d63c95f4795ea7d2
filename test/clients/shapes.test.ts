// Clients differ in what they send around the same protocol: each of test/clients/recorded.ts must get its answers.
import { request as httpRequest } from 'node:http'
import t from 'tap'
import { sseData } from '../../lib/sse.ts'
import { startServer } from '../server.ts'
import { recorded, type Step } from './recorded.ts'

interface Answer { status: number, headers: Record<string, any>, messages: Array<Record<string, any>> }

for (const { client, source, steps } of recorded) {
  t.test(client, async t => {
    t.comment(source)
    const { endpoint } = await startServer(t)
    let session: string | undefined
    for (const [i, step] of steps.entries()) {
      const { method = 'POST', body, status = body !== undefined && !('id' in body) ? 202 : 200, error } = step
      const what = `${i + 1}: ${method} ${body?.method ?? ''}`
      const answer = await send(endpoint, step, session)
      session = answer.headers['mcp-session-id'] ?? session
      t.equal(answer.status, status, what)
      if (method === 'GET') t.match(answer.headers['content-type'], /^text\/event-stream/, what)
      if (body === undefined || !('id' in body)) continue

      const { id, result, error: refused } = answer.messages.at(-1) ?? {}
      t.equal(id, body.id, what)
      if (error !== undefined) t.equal(refused?.code, error, what)
      else t.match(result, expected[body.method as keyof typeof expected] ?? {}, what)
    }
  })
}

const expected = {
  initialize: { protocolVersion: /^20/, capabilities: { tools: {} }, serverInfo: { name: 'mcpx' } },
  'server/discover': { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } },
  'tools/list': { tools: [{ name: 'echo' }] },
  'tools/call': { content: [{ type: 'text', text: 'Hello, MCP!' }], structuredContent: { message: 'Hello, MCP!' } }
}

/** Sends a step as it stands: fetch would add headers, and write their names in lower case. */
async function send (endpoint: string, { method = 'POST', headers, body, session: sessionHeader }: Step, session: string | undefined): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  return await new Promise((resolve, reject) => {
    const sent = httpRequest(endpoint, {
      method,
      headers: { ...headers, ...(sessionHeader !== undefined && session !== undefined && { [sessionHeader]: session }), ...(text !== undefined && { 'Content-Length': Buffer.byteLength(text) }) }
    }, response => {
      const { statusCode: status = 0, headers } = response
      if (method === 'GET') { // a stream that stays open: its head is the answer
        response.destroy()
        resolve({ status, headers, messages: [] })
        return
      }
      let received = ''
      response.setEncoding('utf8').on('data', chunk => { received += chunk }).on('error', reject)
      response.on('end', () => resolve({ status, headers, messages: messagesOf(headers['content-type'], received) }))
    })
    sent.on('error', reject).end(text)
  })
}

function messagesOf (type: string | undefined, text: string): Array<Record<string, any>> {
  if (type?.startsWith('application/json')) return [JSON.parse(text)]
  return sseData(text).map(data => JSON.parse(data))
}
