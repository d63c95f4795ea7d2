// A socket that is given up while clients connect all the time: each is answered, or finds nothing there. At a port some are cut off.
import { once } from 'node:events'
import { existsSync, lstatSync, writeFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { openUnixSocket } from '../../../lib/net/unix-socket.ts'
import { startServer, temporaryFolder } from '../../server.ts'

/** Clients that connect and ask anew as fast as they can, in a thread of their own, until they are told to end; then what became of each. */
const CLIENTS = `
  const http = require('node:http'), { parentPort, workerData } = require('node:worker_threads')
  const seen = {}
  let ended = false
  const ask = () => new Promise(resolve => {
    const over = what => { seen[what] = (seen[what] ?? 0) + 1; resolve() }
    http.request({ socketPath: workerData, method: 'POST', agent: false }, response => response.resume().on('end', () => over('answered')).on('error', error => over(error.code)))
      .on('error', error => over(error.code)).end('{}')
  })
  parentPort.once('message', () => { ended = true })
  Promise.all(Array.from({ length: 32 }, async () => { while (!ended) { await ask(); await new Promise(setImmediate) } })).then(() => parentPort.postMessage(seen))
`

t.test('clients that connect while the server goes are answered, or find nothing there', async t => {
  const file = path.join(temporaryFolder(t), 'http')
  const clients = new Worker(CLIENTS, { eval: true, workerData: file })
  for (let round = 0; round < 10; round++) {
    const answered = { times: 0 }
    const server = createServer((_request, response) => { answered.times++; response.setHeader('connection', 'close').end('here') })
    const socket = await openUnixSocket(file, connection => { server.emit('connection', connection) })
    while (answered.times < 100) await once(server, 'request')
    await socket.leave()
    t.notOk(existsSync(file))
    socket.listener.close()
    await once(socket.listener, 'close') // after the last of them was answered
  }
  clients.postMessage('end', [])
  const [seen] = await once(clients, 'message') as [Record<string, number>]
  await clients.terminate()
  t.ok((seen.answered ?? 0) >= 1000 && (seen.ENOENT ?? 0) > 10, JSON.stringify(seen))
  t.same(Object.keys(seen).filter(what => what !== 'answered' && what !== 'ENOENT'), [], 'and nobody was cut off')
})

t.test('the server answers at its socket as at its port, and takes it away when it ends', async t => {
  const file = path.join(temporaryFolder(t), 'http')
  const { app, log } = await startServer(t, { MCP_SERVER_SOCKET: file })
  t.match(log.join(''), `listening at ${file}`)
  t.equal(lstatSync(file).mode & 0o666, 0o666, 'nginx is another user')
  const [response] = await once(request({ socketPath: file, path: '/mcp', method: 'POST', headers: { host: 'localhost', 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'x-forwarded-for': '203.0.113.7' } })
    .end(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'get_source_ip', arguments: {} } })), 'response')
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  t.equal(response.statusCode, 200)
  t.match(text, '203.0.113.7', 'who connects is a proxy on this machine, as at the loopback address')
  await app.close()
  t.notOk(existsSync(file))
})

const refused = async (t: Test, env: NodeJS.ProcessEnv): Promise<unknown> => await startServer(t, env).then(() => 'started', (error: { problems?: string[] }) => error.problems ?? error)

t.test('a socket that a server left behind is replaced; one that answers, and what is no socket, is left alone', async t => {
  const folder = temporaryFolder(t)
  const file = path.join(folder, 'http')
  const first = await openUnixSocket(file, connection => connection.end())
  t.same(await refused(t, { MCP_SERVER_SOCKET: file }), [`MCP_SERVER_SOCKET: another server answers at ${file}; stop it, or choose another path`])
  first.listener.close() // and its name stays, as of one that was killed
  const { ino } = lstatSync(file)
  const { app } = await startServer(t, { MCP_SERVER_SOCKET: file })
  t.not(lstatSync(file).ino, ino)
  await app.close()
  const text = path.join(folder, 'notes.txt')
  writeFileSync(text, 'mine')
  t.same(await refused(t, { MCP_SERVER_SOCKET: text }), [`MCP_SERVER_SOCKET: ${text} is there and is no socket; remove it, or choose another path`])
  t.same(await refused(t, { MCP_SERVER_SOCKET: path.join(folder, 'nowhere/http') }), [`MCP_SERVER_SOCKET: there is no folder ${path.join(folder, 'nowhere')}; make it, or choose another path`])
  t.same(await refused(t, { MCP_SERVER_SOCKET: 'http' }), ['MCP_SERVER_SOCKET: "http" is not a path from the root, of at most 96 characters'])
})
