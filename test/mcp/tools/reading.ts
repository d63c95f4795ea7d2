// Fixtures to read: a tool with a header parameter, prompts with completion, resources with a template.
import { ResourceTemplate } from '@modelcontextprotocol/server'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'

const CITIES = Array.from({ length: 120 }, (_, index) => `city-${String(index).padStart(3, '0')}`)
const NOTES = ['alpha', 'beta']

export default async function reading (fastify: FastifyInstance) {
  const { mcp } = fastify

  mcp.registerTool('region', {
    description: 'Answers with its argument, which clients repeat in the header Mcp-Param-Region',
    inputSchema: Type.Object({ region: Type.String({ 'x-mcp-header': 'Region' }) })
  }, ({ region }) => ({ content: [{ type: 'text', text: region }] }))

  mcp.registerPrompt('greet', {
    title: 'Greet',
    description: 'Greets somebody from a city',
    argsSchema: Type.Object({ name: Type.String({ description: 'Who' }), city: Type.Optional(Type.String()) }),
    complete: {
      city: (value, context) => context?.arguments?.name === 'nobody' ? [] : CITIES.filter(city => city.startsWith(value))
    }
  }, ({ name, city }) => ({ messages: [{ role: 'user', content: { type: 'text', text: `Greet ${name} from ${city ?? 'nowhere'}` } }] }))

  mcp.registerPrompt('broken', { description: 'Fails' }, () => {
    throw new Error('secret cause')
  })

  mcp.registerResource('fixed', 'note://fixed', { description: 'One note', mimeType: 'text/plain' }, uri => ({
    contents: [{ uri: uri.href, mimeType: 'text/plain', text: 'fixed' }]
  }))

  mcp.registerResource('note', new ResourceTemplate('note://by-name/{name}', {
    list: () => ({ resources: NOTES.map(name => ({ uri: `note://by-name/${name}`, name })) }),
    complete: { name: value => NOTES.filter(name => name.startsWith(value)) }
  }), { description: 'A note by its name' }, (uri, { name }, ctx) => {
    if (!NOTES.includes(String(name))) throw ctx.error(`There is no note called ${String(name)}`)
    return { contents: [{ uri: uri.href, text: String(name) }] }
  })
}
