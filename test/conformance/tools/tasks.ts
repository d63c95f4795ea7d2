// Fixtures of SEP-2663: calls that run in the background, ask meanwhile, fail in either way, or are cancelled.
import { setTimeout as sleep } from 'node:timers/promises'
import { acceptedContent, inputRequired } from '@modelcontextprotocol/server'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })

function form (message: string, field: string, schema: { type: 'string' } | { type: 'boolean' }) {
  return inputRequired.elicit({ message, requestedSchema: { type: 'object', properties: { [field]: schema }, required: [field] } })
}

export default async function tasks (fastify: FastifyInstance) {
  const { mcp } = fastify

  mcp.registerTool('greet', {
    description: 'Greets, at once',
    inputSchema: Type.Object({ name: Type.String() })
  }, ({ name }) => text(`Hello, ${name}!`))

  mcp.registerTool('slow_compute', {
    description: 'Takes as many seconds as it is told to',
    inputSchema: Type.Object({ seconds: Type.Number({ minimum: 0, maximum: 300 }), label: Type.Optional(Type.String()) }),
    task: 'optional',
    timeoutMs: 310_000
  }, async ({ seconds, label }, ctx) => {
    await sleep(seconds * 1000, undefined, { signal: ctx.signal })
    return text(`Computed ${label ?? 'nothing in particular'} in ${seconds} s`)
  })

  mcp.registerTool('failing_job', { description: 'Fails as a tool does', task: 'required' }, async (_args, ctx) => {
    await sleep(200, undefined, { signal: ctx.signal })
    throw ctx.error('The job could not be done')
  })

  mcp.registerTool('protocol_error_job', { description: 'Fails as a request does', task: 'required' }, (_args, ctx) => {
    throw ctx.error('The job broke the protocol', { code: -32603 })
  })

  mcp.registerTool('confirm_delete', {
    description: 'Asks before it deletes',
    inputSchema: Type.Object({ filename: Type.String() }),
    task: 'optional'
  }, ({ filename }, { inputResponses }) => {
    if (inputResponses === undefined) return inputRequired({ inputRequests: { confirm: form(`Delete ${filename}?`, 'confirm', { type: 'boolean' }) } })
    return text(acceptedContent(inputResponses, 'confirm')?.confirm === true ? `Deleted ${filename}` : `Kept ${filename}`)
  })

  mcp.registerTool('multi_input', { description: 'Asks two things at once', task: 'optional' }, (_args, { inputResponses }) => {
    const name = acceptedContent(inputResponses, 'name')?.name
    const confirm = acceptedContent(inputResponses, 'confirm')?.confirm
    if (name === undefined || confirm === undefined) {
      return inputRequired({ inputRequests: { name: form('What is your name?', 'name', { type: 'string' }), confirm: form('Are you sure?', 'confirm', { type: 'boolean' }) } })
    }
    return text(`${name} is ${confirm ? '' : 'not '}sure`)
  })

  mcp.registerTool('test_tool_with_task', {
    description: 'Asks for a name, then greets in the background',
    task: 'required',
    before: (_args, { inputResponses }) => acceptedContent(inputResponses, 'user_name') === undefined
      ? inputRequired({ inputRequests: { user_name: form('What is your name?', 'name', { type: 'string' }) } })
      : undefined
  }, (_args, { inputResponses }) => text(`Hello, ${acceptedContent(inputResponses, 'user_name')?.name}!`))
}
