// A stream on which a client listens does not outlive what let the client in.
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startServer } from '../server.ts'
import { events, modern, openSession } from '../mcp/wire.ts'
import { Authorization, type Tokens } from './authorization.ts'

const SOON_MS = 2000

/** Listens in both eras, and answers what becomes of each stream. */
async function listen (t: Test, endpoint: string, { access_token: token }: Tokens) {
  const leave = new AbortController()
  t.teardown(() => leave.abort())
  const headers = { authorization: `Bearer ${token}` }
  const session = await openSession(endpoint, headers)
  const streams = {
    'a session of 2025': await fetch(endpoint, { headers: { ...session, accept: 'text/event-stream' }, signal: leave.signal }),
    'a subscription of 2026': await modern(endpoint, 'subscriptions/listen', { notifications: { toolsListChanged: true } }, { headers, signal: leave.signal }),
    'a subscription to tasks': await modern(endpoint, 'subscriptions/listen', { notifications: { taskIds: [] } }, { headers, signal: leave.signal, capabilities: { extensions: { 'io.modelcontextprotocol/tasks': {} } } })
  }
  return Object.entries(streams).map(([what, stream]) => {
    t.equal(stream.status, 200, what)
    const state = { what, open: true, ended: read(stream).then(end => { state.open = false; return end }) }
    return state
  })
}

async function read (stream: Response): Promise<'properly' | 'cut off'> {
  try {
    for await (const _ of events(stream));
    return 'properly'
  } catch {
    return 'cut off'
  }
}

t.test('when its grant is revoked, streams of other grants stay open', async t => {
  const { origin, endpoint } = await startServer(t, { AUTH_MODE: 'oauth' })
  const authorization = await new Authorization(origin).register()
  const [tokens, others] = [await authorization.tokens(), await authorization.tokens()]
  const [streams, stay] = [await listen(t, endpoint, tokens), await listen(t, endpoint, others)]
  await sleep(1100) // two checks
  t.ok([...streams, ...stay].every(({ open }) => open), 'nothing ends a stream before')

  await authorization.revoke(tokens.refresh_token)
  for (const { what, ended } of streams) t.equal(await Promise.race([ended, sleep(SOON_MS, 'still open')]), 'properly', what)
  t.ok(stay.every(({ open }) => open))
})

t.test('when its token expires', async t => {
  const { origin, endpoint } = await startServer(t, { AUTH_MODE: 'oauth' }, { JWT_ACCESS_TOKEN_EXPIRE_MINUTES: 3 / 60 })
  const streams = await listen(t, endpoint, await new Authorization(origin).tokens())
  for (const { what, ended } of streams) t.equal(await Promise.race([ended, sleep(3000 + SOON_MS, 'still open')]), 'properly', what)
})
