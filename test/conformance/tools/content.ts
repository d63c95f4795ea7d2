// Fixtures that answer at once: every kind of content, an error, and a schema that must arrive whole.
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { PNG, WAV } from './_samples.ts'

export default async function content (fastify: FastifyInstance) {
  const { mcp } = fastify

  mcp.registerTool('test_simple_text', { description: 'Returns text' }, () => ({
    content: [{ type: 'text', text: 'This is a simple text response for testing.' }]
  }))

  mcp.registerTool('test_image_content', { description: 'Returns an image' }, () => ({
    content: [{ type: 'image', data: PNG, mimeType: 'image/png' }]
  }))

  mcp.registerTool('test_audio_content', { description: 'Returns audio' }, () => ({
    content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }]
  }))

  mcp.registerTool('test_embedded_resource', { description: 'Returns an embedded resource' }, () => ({
    content: [{ type: 'resource', resource: { uri: 'test://embedded-resource', mimeType: 'text/plain', text: 'This is an embedded resource content.' } }]
  }))

  mcp.registerTool('test_multiple_content_types', { description: 'Returns text, an image and a resource' }, () => ({
    content: [
      { type: 'text', text: 'Multiple content types test:' },
      { type: 'image', data: PNG, mimeType: 'image/png' },
      { type: 'resource', resource: { uri: 'test://mixed-content-resource', mimeType: 'application/json', text: JSON.stringify({ test: 'data', value: 123 }) } }
    ]
  }))

  mcp.registerTool('test_error_handling', { description: 'Fails' }, (_args, ctx) => {
    throw ctx.error('This tool intentionally returns an error for testing')
  })

  // SEP-1613 and SEP-2106: tools/list must show every keyword of it.
  mcp.registerTool('json_schema_2020_12_tool', {
    description: 'Takes arguments that only the whole of JSON Schema 2020-12 describes',
    inputSchema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: {
        address: { $anchor: 'addressDef', type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } }
      },
      properties: {
        name: { type: 'string' },
        address: { $ref: '#/$defs/address' },
        contactMethod: { type: 'string', enum: ['phone', 'email'] },
        phone: { type: 'string' },
        email: { type: 'string' }
      },
      allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
      if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
      // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema, not a promise
      then: { required: ['phone'] },
      else: { required: ['email'] },
      additionalProperties: false
    }
  }, args => ({ content: [{ type: 'text', text: JSON.stringify(args) }] }))

  // SEP-2243: a client repeats the argument in the header Mcp-Param-Region, and the two must agree.
  mcp.registerTool('test_param_header', {
    description: 'Takes an argument that clients repeat in a header',
    inputSchema: Type.Object({ region: Type.String({ description: 'Any text', 'x-mcp-header': 'Region' }) })
  }, ({ region }) => ({ content: [{ type: 'text', text: region }] }))
}
