// Fixtures that ask the user one thing and answer with what came back.
import { acceptedContent, inputRequired, inputResponse } from '@modelcontextprotocol/server'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import type { CallContext } from '../../../plugins/catalog/contract.ts'

type Form = Parameters<typeof inputRequired.elicit>[0]

export default async function questions (fastify: FastifyInstance) {
  const { mcp } = fastify

  mcp.registerTool('test_sampling', {
    description: "Asks the client's model",
    inputSchema: Type.Object({ prompt: Type.String() })
  }, ({ prompt }, ctx) => {
    const answer = inputResponse(ctx.inputResponses, 'answer')
    if (answer.kind !== 'sampling') return inputRequired({ inputRequests: { answer: sample(prompt) } })
    return { content: [{ type: 'text', text: `LLM response: ${JSON.stringify(answer.result.content)}` }] }
  })

  mcp.registerTool('test_elicitation', {
    description: 'Asks the user for a name and an address',
    inputSchema: Type.Object({ message: Type.String() })
  }, ({ message }, ctx) => ask(ctx, {
    message,
    requestedSchema: {
      type: 'object',
      properties: {
        username: { type: 'string', description: "User's response" },
        email: { type: 'string', description: "User's email address" }
      },
      required: ['username', 'email']
    }
  }))

  mcp.registerTool('test_elicitation_sep1034_defaults', { description: 'Asks with a default for each kind of field' }, (_args, ctx) => ask(ctx, {
    message: 'Please check these values',
    requestedSchema: {
      type: 'object',
      properties: {
        name: { type: 'string', default: 'John Doe' },
        age: { type: 'integer', default: 30 },
        score: { type: 'number', default: 95.5 },
        status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
        verified: { type: 'boolean', default: true }
      }
    }
  }))

  const titled = [{ const: 'value1', title: 'First' }, { const: 'value2', title: 'Second' }, { const: 'value3', title: 'Third' }]
  mcp.registerTool('test_elicitation_sep1330_enums', { description: 'Asks with each kind of choice' }, (_args, ctx) => ask(ctx, {
    message: 'Please choose',
    requestedSchema: {
      type: 'object',
      properties: {
        untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
        titledSingle: { type: 'string', oneOf: titled },
        legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
        untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
        titledMulti: { type: 'array', items: { anyOf: titled } }
      }
    }
  }))

  mcp.registerTool('test_streaming_elicitation', { description: 'Reports progress, then asks the user' }, async (_args, ctx) => {
    await ctx.progress(50, 100)
    return ask(ctx, { message: 'Go on?', requestedSchema: { type: 'object', properties: { confirmed: { type: 'boolean' } } } })
  })

  // The suite calls it without declaring sampling: the call is refused with -32021.
  mcp.registerTool('test_missing_capability', { description: 'Needs a client that can sample' }, (_args, ctx) => {
    const answer = inputResponse(ctx.inputResponses, 'answer')
    if (answer.kind === 'missing') return inputRequired({ inputRequests: { answer: sample('Anything') } })
    return { content: [{ type: 'text', text: 'Sampled' }] }
  })
}

function ask (ctx: CallContext, form: Form) {
  const answer = inputResponse(ctx.inputResponses, 'answer')
  if (answer.kind !== 'elicit') return inputRequired({ inputRequests: { answer: inputRequired.elicit(form) } })
  const given = acceptedContent(ctx.inputResponses, 'answer') ?? {}
  return { content: [{ type: 'text' as const, text: `User response: action=${answer.action}, content=${JSON.stringify(given)}` }] }
}

function sample (text: string) {
  return inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text } }], maxTokens: 100 })
}
