import t from 'tap'
import { startServer } from './server.ts'

t.test('a page of our own may post to us, whatever origins are listed', async t => {
  const { endpoint } = await startServer(t, { PUBLIC_URL: 'https://mcp.example.com', ALLOWED_ORIGINS: 'https://app.example.com' })
  const post = async (origin: string): Promise<number> => (await fetch(endpoint, { method: 'POST', headers: { origin, 'content-type': 'application/json' }, body: '{' })).status
  t.not(await post('https://mcp.example.com'), 403)
  t.not(await post('https://app.example.com'), 403)
  t.equal(await post('https://evil.example.com'), 403)
  t.equal(await post('null'), 403)
})
