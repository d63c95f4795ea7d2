// Results that no tool should have, and results that the two eras show differently.
import { inputRequired, ResourceTemplate } from '@modelcontextprotocol/server'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'

/** How often the handlers ran. */
export const ran = { count: 0 }

const text = { type: 'text', text: 'odd' }
class Block { readonly type = 'text'; readonly text = 'of a class' }
const form = inputRequired.elicit({ message: 'Name?', requestedSchema: { type: 'object', properties: { name: { type: 'string' } } } })

export const results: Record<string, () => unknown> = {
  plain: () => ({ content: [text] }),
  empty: () => ({ content: [] }),
  error: () => ({ content: [text], isError: true }),
  'error that is undefined': () => ({ content: [text], isError: undefined }),
  'error that is no boolean': () => ({ content: [text], isError: 'yes' }),
  'undefined structured content': () => ({ content: [text], structuredContent: undefined }),
  'structured object': () => ({ content: [text], structuredContent: { a: { b: [1, null, 'é\u2028\ud800'] } } }),
  'structured array': () => ({ content: [], structuredContent: [1, 2] }),
  'structured array with text': () => ({ content: [text], structuredContent: [1, 2] }),
  'structured null': () => ({ content: [], structuredContent: null }),
  'structured number': () => ({ content: [], structuredContent: 7 }),
  'structured date': () => ({ content: [], structuredContent: new Date(0) }),
  'a field that nobody knows': () => ({ content: [text], more: 1 }),
  meta: () => ({ content: [text], _meta: { 'example.com/a': 1 } }),
  'meta of the server': () => ({ content: [text], _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'x', version: '1' } } }),
  'result type': () => ({ content: [text], resultType: 'complete' }),
  'another result type': () => ({ content: [text], resultType: 'other' }),
  'annotated text': () => ({ content: [{ ...text, annotations: { priority: 1 } }] }),
  'annotated wrongly': () => ({ content: [{ ...text, annotations: { priority: 2 } }] }),
  'text with a field that nobody knows': () => ({ content: [{ ...text, more: 1 }] }),
  'text that is undefined': () => ({ content: [{ type: 'text', text: undefined }] }),
  'text that is a number': () => ({ content: [{ type: 'text', text: 1 }] }),
  'no block': () => ({ content: [null] }),
  'an unknown block': () => ({ content: [{ type: 'video', url: 'x' }] }),
  'a block of a class': () => ({ content: [new Block()] }),
  'a block that writes itself': () => ({ content: [{ ...text, toJSON: () => ({ type: 'text', text: 'written' }) }] }),
  link: () => ({ content: [{ type: 'resource_link', uri: 'test://a', name: 'a' }] }),
  image: () => ({ content: [{ type: 'image', data: 'AAAA', mimeType: 'image/png' }] }),
  'image that is none': () => ({ content: [{ type: 'image', data: '%', mimeType: 'image/png' }] }),
  'a question': () => inputRequired({ inputRequests: { name: form } }),
  'an empty question': () => ({ resultType: 'input_required' }),
  'a wrong question': () => ({ resultType: 'input_required', inputRequests: { a: { method: 'tools/list' } } }),
  nothing: () => undefined,
  'a string': () => 'odd',
  'no content': () => ({ structuredContent: { a: 1 } }),
  circular: () => { const content: unknown[] = [text]; content.push({ content }); return { content } },
  failure: () => { throw new Error('odd') },
  'failure with a code': () => { throw Object.assign(new Error('odd'), { code: -32000, data: { odd: true } }) },
  'failure that is no error': () => { throw 'odd' } // oxlint-disable-line no-throw-literal
}

/** The same, and what a prompt or a resource may return. */
export const readings: Record<string, () => unknown> = {
  ...results,
  messages: () => ({ messages: [{ role: 'user', content: text }] }),
  'messages with more': () => ({ messages: [], more: 1 }),
  'messages with a result type': () => ({ messages: [], resultType: 'odd' }),
  contents: () => ({ contents: [{ uri: 'odd://x', text: 'x' }] }),
  'contents for a minute': () => ({ contents: [], ttlMs: 60_000, cacheScope: 'public' }),
  'contents for no time': () => ({ contents: [], ttlMs: -1 }),
  'contents with meta': () => ({ contents: [], _meta: { a: 1 } })
}
export default async function odd (fastify: FastifyInstance) {
  const { mcp } = fastify
  const inputSchema = Type.Object({ how: Type.String() })
  const argsSchema = inputSchema
  const run = (how: string) => { ran.count++; return results[how]?.() as never }

  mcp.registerTool('odd', { description: 'Returns what it is told to', inputSchema }, async ({ how }, ctx) => {
    await ctx.progress(1)
    return run(how)
  })
  mcp.registerTool('odd_at_once', { description: 'Returns without a promise', inputSchema }, ({ how }) => run(how))
  mcp.registerTool('odd_list', { description: 'Has structured content that is no object', inputSchema, outputSchema: Type.Array(Type.Integer()) }, async ({ how }) => run(how))
  mcp.registerTool('odd_defaults', {
    description: 'Has defaults', inputSchema: Type.Object({ how: Type.String({ default: 'plain' }) }), outputSchema: Type.Object({ filled: Type.Integer({ default: 3 }) })
  }, async () => ({ content: [], structuredContent: {} as never }))

  mcp.registerPrompt('odd', { argsSchema }, async ({ how }, ctx) => {
    await ctx.progress(1)
    return readings[how]?.() as never
  })
  mcp.registerPrompt('=?base64?b2Rk?=', {}, () => ({ messages: [] }))
  mcp.registerResource('odd', new ResourceTemplate('odd://{how}', { list: undefined }), {}, (_uri, { how }) => readings[decodeURIComponent(String(how))]?.() as never)
}
