// The page at /: what a person who opens the server's address in a browser needs in order to connect an assistant.
import type { FastifyInstance } from 'fastify'
import { clientInstructions } from '../lib/client-instructions.ts'
import { isLoopbackHost } from '../lib/loopback.ts'
import { type Html, html } from '../lib/pages/html.ts'
import { layout } from '../lib/pages/layout.ts'

export default async function home (fastify: FastifyInstance) {
  const { config, mcp } = fastify
  const endpoint = config.PUBLIC_URL + config.MCP_PATH
  const open = config.AUTH_MODE === 'noauth'
  // Those that are hosted call from their makers' data centres.
  const reachable = !isLoopbackHost(new URL(config.PUBLIC_URL).hostname)

  await fastify.servePages(fastify)
  fastify.get('/', { config: { summary: 'Page that says how to connect a client' } }, async (_request, reply) =>
    reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache').send(page()))

  function page (): string {
    return layout(config.MCP_SERVER_NAME, 'Connect an assistant', html`
<h1>Connect an assistant</h1>
<p>This is an MCP server: it gives tools to AI assistants.</p>
<h2>Its address, for your assistant</h2>
${block(endpoint)}
${open
  ? html`<div class="note bad"><p>Nobody signs in (noauth): anyone who reaches this server may call every tool.</p></div>`
  : html`<p>Sign-in required (oauth): when you add the server, your assistant opens a browser window, in which you sign in with the name and the password that you have on this server.</p>`}
${reachable && html`<h2>Claude, ChatGPT</h2>
<p>In the settings, look for connectors and add a custom one with the address above. Both call from their makers’ data centres, so the address has to be reachable from the internet.</p>`}
${clientInstructions(endpoint).map(({ client, where, line }) => html`<h2>${client}${where !== undefined && html` <span class="before">in ${where}</span>`}</h2>
${block(line)}
`)}
${open ? toolList() : html`<p class="who small">Signed in with this browser? <a href="${config.publicPath}/oauth/sign-out">Sign out</a></p>`}`)
  }

  // Only where nothing is guarded: with sign-in, what there is to call is for those who signed in.
  function toolList (): Html {
    return html`<h2>Tools</h2>
<dl>${mcp.listed('tools', { principal: null, narrowed: null }).map(({ name, description }) => html`<dt>${name}</dt>
<dd>${description}</dd>
`)}</dl>`
  }
}

/** Text to copy: never broken, as a line that is broken within an option is another one. It scrolls, also by keyboard. */
const block = (text: string): Html => html`<pre tabindex="0">${text}</pre>`
