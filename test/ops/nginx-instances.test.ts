// Two instances behind nginx: sessions stay with the one that has them, and nobody notices when one is gone.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import t from 'tap'
import { examine } from '../../doctor/examine.ts'
import { LEGACY } from '../mcp/wire.ts'
import { deploy, noNginx } from './nginx.ts'
import { ask, call, type Reply, resultOf, rpc } from './proxied.ts'

const initialize = rpc('initialize', { protocolVersion: LEGACY, capabilities: {}, clientInfo: { name: 'test', version: '1' } })
const NOT_FOUND = { error: { code: -32001, message: /Session not found/ } }

t.test('two instances behind nginx', { skip: noNginx }, async t => {
  const { origin, instances, root, httpPort } = await deploy(t, { AUTH_MODE: 'noauth', TOOLS_DIR: path.join(import.meta.dirname, 'tools') })
  const [one, other] = instances
  if (one === undefined || other === undefined) throw new Error('there are two')
  const pid = async (headers = {}) => resultOf(await ask('h2', origin, '/mcp', call('slowly', { times: 0, everyMs: 0 }, headers)))?.content[0].text
  const openSession = async () => {
    const { headers } = await ask('h2', origin, '/mcp', initialize)
    return { 'mcp-session-id': headers['mcp-session-id'] ?? '', 'mcp-protocol-version': LEGACY }
  }
  const opened = async (name: string) => {
    for (;;) {
      const session = await openSession()
      if (session['mcp-session-id'].startsWith(name)) return session
    }
  }

  await t.test('the doctor finds nothing but that nobody has to sign in', async t => {
    setDefaultCACertificates([...getCACertificates('default'), readFileSync(path.join(root, 'etc/mcpx/tls/fullchain.pem'), 'utf8')])
    const results = await examine({ url: new URL('/mcp', origin), httpPort: Number(httpPort), config: undefined, token: undefined }, [])
    t.same(results.flatMap(({ finding }) => finding ?? []), ['endpoint-open'])
    for (const check of ['streaming', 'session, 2025', 'caller\'s address']) t.equal(results.find(result => result.check === check)?.status, 'ok', check)
  })

  await t.test('both are used', async t => {
    const pids = new Set<string>()
    for (let i = 0; i < 10; i++) pids.add(await pid())
    t.same(pids, new Set(instances.map(({ process }) => String(process.child.pid))))
  })

  await t.test('every request of a session reaches the instance that opened it', async t => {
    const sessions = await Promise.all(Array.from({ length: 20 }, openSession))
    t.equal(new Set(sessions.map(session => session['mcp-session-id'].split('.')[0])).size, 2, 'sessions are opened at both')
    for (const session of sessions) {
      const expected = instances.find(({ name }) => session['mcp-session-id'].startsWith(`${name}.`))?.process.child.pid
      t.same(new Set(await Promise.all([1, 2, 3, 4].map(async () => await pid(session)))), new Set([String(expected)]))
    }
    const [session = {}] = sessions
    t.equal((await ask('HTTP/1.1', origin, '/mcp', { method: 'DELETE', headers: session })).status, 200)
    t.match((await ask('HTTP/1.1', origin, '/mcp', { ...rpc('tools/list', {}, session) })).json, NOT_FOUND)
  })

  await t.test('an id that was never given leads nowhere but to an instance, which does not know it', async t => {
    const uuid = '01234567-89ab-4def-8123-456789abcdef'
    for (const id of [uuid, `9999.${uuid}`, `${one.name}.${uuid}`, `x${one.name}.${uuid}`, `127.0.0.1:22.${uuid}`, 'mcpx', '.', 'localhost/', one.name]) {
      const answered = await ask('HTTP/1.1', origin, '/mcp', rpc('tools/list', {}, { 'mcp-session-id': id, 'mcp-protocol-version': LEGACY }))
      t.equal(answered.status, 404, id)
      t.match(answered.json, NOT_FOUND, id)
    }
  })

  await t.test('when one is killed, not one later request fails, and its sessions are said to be gone', async t => {
    const [lost, kept] = [await opened(other.name), await opened(one.name)]
    let [sent, failed, inFlight] = [0, 0, 0]
    const duringKill: Reply[] = []
    const killed = new AbortController()
    let dying: Promise<unknown> | undefined
    const load = async (): Promise<void> => {
      while (!killed.signal.aborted || sent < 200) {
        await dying // what begins meanwhile is neither before the kill nor after it
        const before = killed.signal.aborted
        inFlight++
        const answered = await ask('h2', origin, '/mcp', call('echo', { message: 'x' }))
        inFlight--
        sent++
        if (answered.status === 200) continue
        if (before) failed++
        else duringKill.push(answered)
      }
    }
    const running = [load(), load(), load(), load()]
    await sleep(300)
    const atKill = inFlight
    other.process.child.kill('SIGKILL')
    dying = other.process.ended.finally(() => killed.abort())
    await dying
    await Promise.all(running)
    t.comment(`${sent} requests; ${atKill} were in flight at the kill, ${duringKill.length} of those failed (${duringKill.map(({ status }) => status).join()}); ${failed} failed later`)
    t.equal(failed, 0)
    t.ok(duringKill.length <= 4, 'a call that the instance had begun cannot be made again, as its tool may have run')
    for (const lost of duringKill) {
      t.match(lost, { status: 502, headers: { 'retry-after': undefined } })
      t.match(lost.json, { error: { code: -32000, message: /may have been done/ } })
    }
    t.equal(await pid(kept), String(one.process.child.pid), 'sessions of the other go on')
    const gone = await ask('h2', origin, '/mcp', rpc('tools/list', {}, lost))
    t.equal(gone.status, 404, 'so that the client opens another')
    t.match(gone.json, NOT_FOUND)
  })

  await t.test('with none left, clients are told to come back', async t => {
    one.process.child.kill('SIGKILL')
    await one.process.ended
    for (const version of ['HTTP/1.1', 'h2'] as const) {
      const headers = { 'retry-after': '2', 'content-type': 'application/json', 'strict-transport-security': 'max-age=31536000' }
      const mcp = await ask(version, origin, '/mcp', call('echo', { message: 'x' }))
      t.match(mcp, { status: 503, headers })
      t.match(mcp.json, { jsonrpc: '2.0', error: { code: -32000, message: /try again/ }, id: null })
      const oauth = await ask(version, origin, '/oauth/token', { method: 'POST', body: 'grant_type=refresh_token' })
      t.match(oauth, { status: 503, headers })
      t.match(oauth.json, { error: 'temporarily_unavailable', error_description: /try again/ }, 'RFC 6749 section 5.2')
      const plain = await ask(version, origin, '/')
      t.match(plain, { status: 503, headers })
      t.match(plain.json, { error: 'temporarily_unavailable', message: /try again/ })
    }
  })

  await t.test('and one that comes back is used at once', async t => {
    await other.start()
    for (let i = 0; i < 5; i++) t.equal((await ask('h2', origin, '/mcp', call('echo', { message: 'x' }))).status, 200)
  })
})
