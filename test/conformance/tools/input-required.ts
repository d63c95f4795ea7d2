// Fixtures of SEP-2322: rounds of questions, with state that travels through the client.
import { acceptedContent, inputRequired, inputResponse } from '@modelcontextprotocol/server'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })

/** A form with one required field. */
function form (message: string, field: string, schema: { type: 'string' } | { type: 'boolean' } = { type: 'string' }) {
  return inputRequired.elicit({ message, requestedSchema: { type: 'object', properties: { [field]: schema }, required: [field] } })
}

function sample (question: string, maxTokens: number) {
  return inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text: question } }], maxTokens })
}

export default async function inputRequiredResults (fastify: FastifyInstance) {
  const { mcp } = fastify

  mcp.registerTool('test_input_required_result_elicitation', { description: 'Asks for a name' }, (_args, { inputResponses }) => {
    const name = acceptedContent(inputResponses, 'user_name')?.name
    if (typeof name !== 'string') return inputRequired({ inputRequests: { user_name: form('What is your name?', 'name') } })
    return text(`Hello, ${name}!`)
  })

  mcp.registerTool('test_input_required_result_sampling', { description: "Asks the client's model" }, (_args, { inputResponses }) => {
    const answer = inputResponse(inputResponses, 'capital_question')
    if (answer.kind !== 'sampling') return inputRequired({ inputRequests: { capital_question: sample('What is the capital of France?', 100) } })
    return text(JSON.stringify(answer.result.content))
  })

  mcp.registerTool('test_input_required_result_list_roots', { description: 'Asks for the roots of the client' }, (_args, { inputResponses }) => {
    const answer = inputResponse(inputResponses, 'client_roots')
    if (answer.kind !== 'roots') return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } })
    return text(`Roots: ${answer.roots.map(root => root.uri).join(', ')}`)
  })

  mcp.registerTool('test_input_required_result_request_state', { description: 'Asks for confirmation, and remembers that it asked' }, async (_args, ctx) => {
    const confirmed = acceptedContent(ctx.inputResponses, 'confirm')?.ok
    if (ctx.requestState<{ asked: boolean }>()?.asked !== true || confirmed === undefined) {
      return inputRequired({ inputRequests: { confirm: form('Please confirm', 'ok', { type: 'boolean' }) }, requestState: await ctx.mintRequestState({ asked: true }) })
    }
    return text(`state-ok: the answer was ${String(confirmed)}`)
  })

  mcp.registerTool('test_input_required_result_multiple_inputs', { description: 'Asks three things at once' }, async (_args, ctx) => {
    const name = acceptedContent(ctx.inputResponses, 'user_name')?.name
    const greeting = inputResponse(ctx.inputResponses, 'greeting')
    const roots = inputResponse(ctx.inputResponses, 'client_roots')
    if (typeof name !== 'string' || greeting.kind !== 'sampling' || roots.kind !== 'roots') {
      return inputRequired({
        inputRequests: {
          user_name: form('What is your name?', 'name'),
          greeting: sample('Generate a greeting', 50),
          client_roots: inputRequired.listRoots()
        },
        requestState: await ctx.mintRequestState({ asked: true })
      })
    }
    return text(`${name}: ${JSON.stringify(greeting.result.content)}, ${roots.roots.length} roots`)
  })

  mcp.registerTool('test_input_required_result_multi_round', { description: 'Asks twice, one after the other' }, async (_args, ctx) => {
    const state = ctx.requestState<{ name?: string }>()
    const name = state?.name ?? acceptedContent(ctx.inputResponses, 'step1')?.name
    const color = acceptedContent(ctx.inputResponses, 'step2')?.color
    if (typeof name !== 'string') {
      return inputRequired({ inputRequests: { step1: form('Step 1: What is your name?', 'name') }, requestState: await ctx.mintRequestState({}) })
    }
    if (typeof color !== 'string') {
      return inputRequired({ inputRequests: { step2: form('Step 2: What is your favorite color?', 'color') }, requestState: await ctx.mintRequestState({ name }) })
    }
    return text(`${name} likes ${color}`)
  })

  mcp.registerTool('test_input_required_result_tampered_state', { description: 'Asks for confirmation with state that must come back as it left' }, async (_args, ctx) => {
    if (ctx.requestState() === undefined) {
      return inputRequired({ inputRequests: { confirm: form('Please confirm', 'ok', { type: 'boolean' }) }, requestState: await ctx.mintRequestState({ asked: true }) })
    }
    return text('The state came back as it left')
  })

  mcp.registerTool('test_input_required_result_capabilities', { description: 'Asks only what the client can answer' }, (_args, ctx) => {
    const { elicitation, sampling } = ctx.clientCapabilities ?? {}
    if (ctx.inputResponses !== undefined) return text(`Answered: ${Object.keys(ctx.inputResponses).join(', ')}`)
    if (!elicitation && !sampling) return text('The client can answer nothing')
    return inputRequired({
      inputRequests: {
        ...(elicitation && { user_name: form('What is your name?', 'name') }),
        ...(sampling && { greeting: sample('Generate a greeting', 50) })
      }
    })
  })

  mcp.registerPrompt('test_input_required_result_prompt', {
    description: 'Asks for its context',
    argsSchema: Type.Object({})
  }, (_args, { inputResponses }) => {
    const context = acceptedContent(inputResponses, 'user_context')?.context
    if (typeof context !== 'string') return inputRequired({ inputRequests: { user_context: form('What context should the prompt use?', 'context') } })
    return { messages: [{ role: 'user', content: { type: 'text', text: `Context: ${context}` } }] }
  })
}
