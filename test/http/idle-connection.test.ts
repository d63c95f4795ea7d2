// How long a connection may be idle: the proxy in front has to close it first.
import { connect } from 'node:net'
import t from 'tap'
import { startServer } from '../server.ts'

t.test('an idle connection is kept for IDLE_CONNECTION_SECONDS, which clients are told, and then closed', async t => {
  for (const [given, seconds] of [[{}, 75], [{ IDLE_CONNECTION_SECONDS: '620' }, 620], [{ IDLE_CONNECTION_SECONDS: '1' }, 1]] as const) {
    const { app, origin } = await startServer(t, given)
    t.equal(app.server.keepAliveTimeout, seconds * 1000)
    t.equal((await fetch(`${origin}/health/live`)).headers.get('keep-alive'), `timeout=${seconds}`)
    if (seconds > 1) continue
    const { hostname, port } = new URL(origin)
    const socket = connect(Number(port), hostname).setEncoding('latin1')
    socket.write('GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
    let answer = ''
    let answeredAt = Infinity
    for await (const chunk of socket) {
      answer += chunk
      answeredAt = performance.now()
    }
    t.match(answer, /^HTTP\/1\.1 200 /)
    t.ok(performance.now() - answeredAt >= 900, 'not before')
  }
})
