// A port is asked whether it is free without being opened for a moment: whoever connected in that moment was reset.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { isInUse } from '../../lib/free-port.ts'
import { startProcess } from '../process.ts'
import { freePort } from '../support/free-port.ts'

t.test('clients that connect all the time while the server starts are refused or served, and never reset', async t => {
  const port = await freePort()
  const seen = new Map<string, number>()
  const count = (what: string): void => { seen.set(what, (seen.get(what) ?? 0) + 1) }
  async function knock (signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const socket = connect(port, '127.0.0.1').on('error', () => {}).setEncoding('utf8')
      socket.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
      const event = await Promise.race([once(socket, 'data').then(([text]: string[]) => String(text).slice(0, 12)), once(socket, 'close').then(() => 'closed')]).catch((error: NodeJS.ErrnoException) => error.code ?? 'error')
      count(event)
      socket.destroy()
      await turn()
    }
  }
  for (let starts = 0; starts < 3; starts++) {
    const stop = new AbortController()
    const clients = Array.from({ length: 16 }, () => knock(stop.signal))
    const server = await startProcess(t, { MCP_SERVER_PORT: String(port), AUTH_MODE: 'noauth' })
    await server.until(/listening on/)
    stop.abort()
    await Promise.all(clients)
    server.child.kill('SIGKILL')
    await server.ended
  }
  t.ok((seen.get('HTTP/1.1 200') ?? 0) > 0, 'some were served')
  t.ok((seen.get('ECONNREFUSED') ?? 0) > 100, 'many came before')
  t.same([...seen.keys()].filter(what => what !== 'ECONNREFUSED' && what !== 'HTTP/1.1 200'), [], 'and nothing else happened')
})

t.test('what listens on any address is found by one that answers', async t => {
  for (const host of ['127.0.0.1', '0.0.0.0', '::1', '::']) {
    const listener = createServer(socket => socket.on('error', () => {}).destroy()).listen(0, host)
    await once(listener, 'listening')
    const { port } = listener.address() as { port: number }
    t.equal(await isInUse(port, host), true, host)
    listener.close()
    await once(listener, 'close')
    t.equal(await isInUse(port, host), false, `${host}, closed`)
  }
  t.equal(await isInUse(await freePort(), 'no-such-host.invalid'), false, 'a host that is none: listening says so')
})
