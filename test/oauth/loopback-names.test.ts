// Three names of the same machine, as people type them.
import t from 'tap'
import { startServer } from '../server.ts'
import { Authorization } from './authorization.ts'

t.test('with no address set, each loopback name is the resource for whoever asks under it', async t => {
  const { origin, endpoint } = await startServer(t, { AUTH_MODE: 'oauth' })
  const { port } = new URL(origin)
  const client = await new Authorization(origin).register()
  for (const name of ['127.0.0.1', 'localhost']) {
    const at = `http://${name}:${port}`
    const challenge = (await fetch(`${at}/mcp`, { method: 'POST' })).headers.get('www-authenticate') ?? ''
    const [, metadata = ''] = /resource_metadata="([^"]+)"/.exec(challenge) ?? []
    t.equal(metadata, `${at}/.well-known/oauth-protected-resource/mcp`)
    const document = await (await fetch(metadata)).json() as { resource: string, authorization_servers: string[] }
    t.match(document, { resource: `${at}/mcp`, authorization_servers: [origin] })
    const { access_token: token } = await client.tokens({ resource: document.resource })
    for (const called of [endpoint, `${at}/mcp`]) {
      const answer = await fetch(called, { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' }, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { message: 'x' } } }) })
      t.equal(answer.status, 200, called)
    }
  }
})

t.test('a name on another port, or one that is not in the list, chooses nothing', async t => {
  const { app } = await startServer(t, { AUTH_MODE: 'oauth', ALLOWED_HOSTS: '127.0.0.1,localhost,evil.example' })
  for (const host of ['evil.example', 'localhost:1', 'localhost', '127.0.0.2']) {
    t.equal(app.oauth.resource.urlAt(host), `${app.config.PUBLIC_URL}/mcp`, host)
    t.notOk(app.oauth.resource.isNamed(`http://${host}/mcp`), host)
  }
})

t.test('with an address set there is one name', async t => {
  const { app, origin } = await startServer(t, { AUTH_MODE: 'oauth', PUBLIC_URL: 'https://mcp.example.com', ALLOWED_HOSTS: '127.0.0.1,localhost,mcp.example.com' })
  const document = await (await fetch(`${origin.replace('127.0.0.1', 'localhost')}/.well-known/oauth-protected-resource/mcp`, { headers: { 'x-forwarded-proto': 'https' } })).json()
  t.match(document, { resource: 'https://mcp.example.com/mcp' })
  t.notOk(app.oauth.resource.isNamed(`${origin}/mcp`))
})
