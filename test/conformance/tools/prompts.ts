// Fixtures that are prompts.
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { PNG } from './_samples.ts'

export default async function prompts (fastify: FastifyInstance) {
  const { mcp } = fastify

  mcp.registerPrompt('test_simple_prompt', { description: 'Takes no arguments' }, () => ({
    messages: [{ role: 'user', content: { type: 'text', text: 'This is a simple prompt for testing.' } }]
  }))

  mcp.registerPrompt('test_prompt_with_arguments', {
    description: 'Takes two arguments, and completes the first',
    argsSchema: Type.Object({
      arg1: Type.String({ description: 'First test argument' }),
      arg2: Type.String({ description: 'Second test argument' })
    }),
    complete: { arg1: value => ['paris', 'park', 'party'].filter(word => word.startsWith(value)) }
  }, ({ arg1, arg2 }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `Prompt with arguments: arg1='${arg1}', arg2='${arg2}'` } }]
  }))

  mcp.registerPrompt('test_prompt_with_embedded_resource', {
    description: 'Embeds a resource',
    argsSchema: Type.Object({ resourceUri: Type.String({ description: 'URI of the resource to embed' }) })
  }, ({ resourceUri: uri }) => ({
    messages: [
      { role: 'user', content: { type: 'resource', resource: { uri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' } } },
      { role: 'user', content: { type: 'text', text: 'Please process the embedded resource above.' } }
    ]
  }))

  mcp.registerPrompt('test_prompt_with_image', { description: 'Embeds an image' }, () => ({
    messages: [
      { role: 'user', content: { type: 'image', data: PNG, mimeType: 'image/png' } },
      { role: 'user', content: { type: 'text', text: 'Please analyze the image above.' } }
    ]
  }))
}
