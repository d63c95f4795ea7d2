// Resources and a prompt: what a client may read into a conversation, and how a user may begin one. No model chooses these.
import { ResourceTemplate } from '@modelcontextprotocol/server'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'

const TERMS = new Map([
  ['scope', 'What an app may do in the name of a user.'],
  ['session', 'What the server remembers of a client of the 2025 protocol between requests.'],
  ['task', 'A call that runs in the background.']
])

export default async function glossary (fastify: FastifyInstance) {
  const { mcp } = fastify
  // For template and prompt alike: what the user may mean, while they type.
  const complete = { term: (typed: string) => [...TERMS.keys()].filter(term => term.startsWith(typed.toLowerCase())) }

  // A resource with an address of its own.
  mcp.registerResource('glossary', 'glossary://all', { title: 'Glossary', description: 'All terms', mimeType: 'text/markdown' }, uri => ({
    contents: [{ uri: uri.href, mimeType: 'text/markdown', text: [...TERMS].map(([term, meaning]) => `- **${term}**: ${meaning}`).join('\n') }]
  }))

  // Many resources with one shape of address. `list` names those that are worth naming; there may be more.
  mcp.registerResource('term', new ResourceTemplate('glossary://term/{term}', {
    list: () => ({ resources: [...TERMS.keys()].map(term => ({ uri: `glossary://term/${term}`, name: term })) }),
    complete
  }), { title: 'Term', description: 'A term and what it means', mimeType: 'text/plain' }, (uri, { term }, ctx) => {
    const meaning = TERMS.get(String(term))
    if (meaning === undefined) throw ctx.error(`The glossary does not have ${String(term)}; it has: ${[...TERMS.keys()].join(', ')}`)
    return { contents: [{ uri: uri.href, mimeType: 'text/plain', text: meaning }] }
  })

  // Clients show a prompt as a command, such as /explain_term.
  mcp.registerPrompt('explain_term', {
    title: 'Explain a term',
    description: 'Explains a term of the glossary to a newcomer',
    argsSchema: Type.Object({ term: Type.String({ description: 'The term' }) }),
    complete
  }, ({ term }, ctx) => {
    const meaning = TERMS.get(term)
    if (meaning === undefined) throw ctx.error(`The glossary does not have ${term}; it has: ${[...TERMS.keys()].join(', ')}`)
    // The resource travels with the prompt, so that the client need not read it first.
    const resource = { uri: `glossary://term/${term}`, mimeType: 'text/plain', text: meaning }
    return {
      messages: [
        { role: 'user', content: { type: 'resource', resource } },
        { role: 'user', content: { type: 'text', text: `Explain "${term}" to somebody who hears it for the first time, with an example.` } }
      ]
    }
  })
}
