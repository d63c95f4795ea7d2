// The page at /: what a person who opens the server's address in a browser needs in order to connect a client.
import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { clientInstructions } from '../lib/client-instructions.ts'

const STYLE = `
:root { color-scheme: light dark; --text: #1d2127; --dim: #5a626d; --back: #fff; --box: #f2f4f6; --warn: #9a3412 }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8eb; --dim: #a0a8b3; --back: #15181c; --box: #22262c; --warn: #fdba74 } }
body { max-width: 42rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--text); background: var(--back) }
h1 { margin: 0; font-size: 1.6rem; overflow-wrap: anywhere }
h2 { margin: 2rem 0 .5rem; font-size: 1.1rem }
h3 { margin: 1rem 0 .25rem; font-size: 1rem }
p { margin: .25rem 0 }
dt { margin-top: .5rem; font-weight: 600 }
dd { margin: 0 }
pre { margin: .25rem 0; padding: .6rem .75rem; border-radius: .4rem; background: var(--box); white-space: pre-wrap; overflow-wrap: anywhere; font: .875rem/1.45 ui-monospace, monospace }
.dim { color: var(--dim) }
.warn { color: var(--warn); font-weight: 600 }
`

// The page needs one style sheet and nothing else; its hash allows that one (CSP Level 3 section 2.3.1).
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

export default async function home (fastify: FastifyInstance) {
  const { config, mcp } = fastify
  const endpoint = config.PUBLIC_URL + config.MCP_PATH
  const open = config.AUTH_MODE === 'noauth'

  fastify.get('/', { config: { summary: 'Page that says how to connect a client' } }, async (_request, reply) =>
    reply.type('text/html; charset=utf-8').headers({ 'content-security-policy': POLICY, 'cache-control': 'no-cache' }).send(page()))

  function page (): string {
    return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(config.MCP_SERVER_NAME)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escape(config.MCP_SERVER_NAME)}</h1>
<p class="dim">An MCP server: it gives tools to AI assistants.</p>

<h2>Endpoint</h2>
<pre>${escape(endpoint)}</pre>
${open
  ? '<p class="warn">No sign-in (noauth): anyone who reaches this server may call every tool.</p>'
  : '<p>Sign-in required (oauth): when you add the server, your client opens a browser window for it.</p>'}

<h2>Connect</h2>
<h3>Claude, ChatGPT</h3>
<p>In the settings, under connectors, add a custom connector with the endpoint above as its address. These two call from their makers' data centres, so the address has to be reachable from the internet.</p>
${clientInstructions(endpoint).map(({ client, where, line }) => `<h3>${escape(client)}</h3>
${where ? `<p class="dim">in ${escape(where)}</p>\n` : ''}<pre>${escape(line)}</pre>`).join('\n')}
${open ? toolList() : ''}</body>
</html>
`
  }

  // Only where nothing is guarded: with sign-in, what there is to call is for those who signed in.
  function toolList (): string {
    const tools = mcp.listed('tools', null).map(({ name, description }) => `<dt>${escape(name)}</dt>\n<dd>${escape(description ?? '')}</dd>`)
    return `\n<h2>Tools</h2>\n<dl>\n${tools.join('\n')}\n</dl>\n`
  }
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escape = (text: string): string => text.replace(/[&<>"']/g, character => ENTITIES[character] ?? '')
