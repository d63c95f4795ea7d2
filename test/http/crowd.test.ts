// Many clients that come at once, and a port that only one server has.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { startProcess } from '../process.ts'
import { startServer } from '../server.ts'
import { freePort } from '../support/free-port.ts'

const onLinux = process.platform === 'linux' ? {} : { skip: 'listeners share a port on Linux' }
const CROWD = 512

t.test('a crowd is accepted in a few turns of the event loop', onLinux, async t => {
  const { app, origin } = await startServer(t)
  const accepted: Socket[] = []
  app.server.on('connection', socket => { accepted.push(socket) })
  // While the other process runs, this one does not: the crowd stands before the port, and leaves without a word.
  execFileSync(process.execPath, ['-e', `
    const { connect } = require('node:net')
    let connected = 0
    for (let i = 0; i < ${CROWD}; i++) connect(${new URL(origin).port}, '127.0.0.1', () => { if (++connected === ${CROWD}) process.exit() })
  `], { timeout: 20_000 })
  let turns = 0
  for (; accepted.length < CROWD && turns < CROWD; turns++) await turn()
  t.equal(accepted.length, CROWD)
  t.ok(turns < CROWD / 8, `in ${turns} turns, where one listener would take ${CROWD}`)
})

t.test('each of a crowd is answered, also when the server stops meanwhile', onLinux, async t => {
  const { child, origin, until, ended } = await startProcess(t, { AUTH_MODE: 'noauth' })
  await until(/listening on/)
  const { hostname, port } = new URL(origin)
  const crowd = Array.from({ length: 64 }, () => connect(Number(port), hostname))
  await Promise.all(crowd.map(async socket => await once(socket, 'connect')))
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { message: 'still here' } } })
  const answers = crowd.map(async socket => {
    let text = ''
    for await (const chunk of socket.setEncoding('utf8')) text += chunk
    return text
  })
  // The head before the signal, the rest after it.
  for (const socket of crowd) socket.write(`POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\ncontent-length: ${body.length}\r\n\r\n`)
  child.kill('SIGTERM')
  await until(/"stopping"/)
  for (const socket of crowd) socket.write(body)
  for (const answer of await Promise.all(answers)) t.match(answer, /^HTTP\/1\.1 200 OK[\s\S]*still here/)
  t.equal(await ended, 0)
})

t.test('a second server does not share the port of the first', async t => {
  const port = String(await freePort())
  const env = { AUTH_MODE: 'noauth', MCP_SERVER_PORT: port }
  const first = await startProcess(t, env)
  await first.until(/listening on/)
  const second = await startProcess(t, env)
  t.equal(await second.ended, 78, 'EX_CONFIG')
  t.match(second.output.stderr, new RegExp(`^mcpx: MCP_SERVER_PORT: ${port} is in use on 127\\.0\\.0\\.1`))
  t.equal((await fetch(`${first.origin}/health`)).status, 200, 'the first one goes on')
})
