// What is not HTTP is refused, and never in the middle of an answer.
import { once } from 'node:events'
import { connect } from 'node:net'
import path from 'node:path'
import t, { type Test } from 'tap'
import { startServer } from '../server.ts'
import { openSession } from '../mcp/wire.ts'

const env = { TOOLS_DIR: path.join(import.meta.dirname, '../mcp/tools') }

t.test('what cannot be read is answered once, and the connection ends', async t => {
  const { endpoint } = await startServer(t, env)
  const { socket, received } = open(t, endpoint)
  socket.write('POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n')
  await once(socket, 'close')
  t.match(received(), /^HTTP\/1\.1 400 Bad Request\r\nConnection: close\r\n[\s\S]*\r\n\r\n\{"error":"bad_request","message":"[^"]+"\}$/)
})

t.test('headers that are too large have an answer of their own', async t => {
  const { endpoint } = await startServer(t, env)
  const { socket, received } = open(t, endpoint)
  socket.write(`GET /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`)
  await once(socket, 'close')
  t.match(received(), /^HTTP\/1\.1 431 Request Header Fields Too Large\r\nConnection: close\r\n/)
})

t.test('an answer in whole is followed by the refusal of what came right behind its request', async t => {
  const { endpoint } = await startServer(t, env)
  const { socket, received } = open(t, endpoint)
  socket.write('POST /mcp HTTP/1.1\r\nhost: evil.example\r\ncontent-length: 0\r\n\r\nnonsense\r\n\r\n')
  await once(socket, 'close')
  t.match(received(), /^HTTP\/1\.1 403 Forbidden[\s\S]*\}HTTP\/1\.1 400 Bad Request\r\nConnection: close\r\n[\s\S]*Not a valid HTTP request"\}$/)
})

t.test('a stream that is followed by what cannot be read is cut off, and no second answer is put into it', async t => {
  const { endpoint } = await startServer(t, env)
  const session = await openSession(endpoint)
  const { socket, received } = open(t, endpoint)
  const headers = Object.entries({ host: '127.0.0.1', accept: 'text/event-stream', ...session }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`GET /mcp HTTP/1.1\r\n${headers.join('')}\r\n`)
  while (!received().includes(': open')) await once(socket, 'data')
  socket.write('nonsense\r\n\r\n')
  await once(socket, 'close')
  t.equal(received().split('HTTP/1.1').length, 2, received())
})

function open (t: Test, endpoint: string): { socket: ReturnType<typeof connect>, received: () => string } {
  const socket = connect(Number(new URL(endpoint).port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  let text = ''
  socket.setEncoding('utf8').on('data', chunk => { text += chunk }).on('error', () => {})
  return { socket, received: () => text }
}
