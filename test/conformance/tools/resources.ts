// Fixtures that are resources.
import { ResourceTemplate } from '@modelcontextprotocol/server'
import type { FastifyInstance } from 'fastify'
import { PNG } from './_samples.ts'

export default async function resources (fastify: FastifyInstance) {
  const { mcp } = fastify

  mcp.registerResource('static-text', 'test://static-text', { description: 'A text that never changes', mimeType: 'text/plain' }, uri => ({
    contents: [{ uri: uri.href, mimeType: 'text/plain', text: 'This is the content of the static text resource.' }]
  }))

  mcp.registerResource('static-binary', 'test://static-binary', { description: 'An image that never changes', mimeType: 'image/png' }, uri => ({
    contents: [{ uri: uri.href, mimeType: 'image/png', blob: PNG }]
  }))

  mcp.registerResource('watched', 'test://watched-resource', { description: 'A text that clients subscribe to', mimeType: 'text/plain' }, uri => ({
    contents: [{ uri: uri.href, mimeType: 'text/plain', text: 'Watched resource content' }]
  }))

  mcp.registerResource('template', new ResourceTemplate('test://template/{id}/data', { list: undefined }), {
    description: 'One text for each id', mimeType: 'application/json'
  }, (uri, { id }) => ({
    contents: [{ uri: uri.href, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` }) }]
  }))
}
