// An error that nobody catches, thrown by a tool long after its call: what has begun ends well, and the process with it.
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import path from 'node:path'
import t from 'tap'
import { startProcess } from './process.ts'
import { temporaryFolder } from './server.ts'

const TOOLS = `import { setTimeout as sleep } from 'node:timers/promises'
export default async function (fastify) {
  fastify.mcp.registerTool('slow', { description: 'Takes its time' }, async (_args, ctx) => {
    ctx.log.info('the call has begun')
    await sleep(1500)
    return { content: [{ type: 'text', text: 'done' }] }
  })
  fastify.mcp.registerTool('rejects', { description: 'Forgets a promise' }, async () => { void Promise.reject(new Error('forgotten')); return { content: [] } })
  fastify.mcp.registerTool('prints', { description: 'Prints' }, async () => { console.log('two\\nlines', 7); process.emitWarning('old'); return { content: [] } })
  fastify.mcp.registerTool('throws', { description: 'Leaves a timer that throws, and another' }, async () => {
    for (const ms of [1, 50]) setTimeout(() => { throw new Error('out of a timer') }, ms)
    return { content: [] }
  })
}
`

t.test('an uncaught error: calls in flight finish, no new ones are taken, and the exit code asks for another start', async t => {
  const TOOLS_DIR = temporaryFolder(t)
  writeFileSync(path.join(TOOLS_DIR, 'tools.ts'), TOOLS)
  const { origin, until, ended, log } = await startProcess(t, { AUTH_MODE: 'noauth', TOOLS_DIR })
  await until(/listening on/)
  const call = async (name: string) => {
    const response = await fetch(`${origin}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } })
    })
    return `${response.status} ${await response.text()}`
  }
  t.match(await call('rejects'), /^200 /)
  await until(/a rejected promise that nobody handled; the server goes on/)
  t.match(await call('prints'), /^200 /)
  await until(/a warning of Node/)
  t.match(log().find(({ msg }) => msg === 'two\nlines 7'), { level: 'info', from: `${path.join(TOOLS_DIR, 'tools.ts')}:9` }, 'what a tool prints is a line of the log')
  t.match(log().find(({ msg }) => msg === 'a warning of Node'), { level: 'warn', err: { message: 'old' } })
  const slow = call('slow')
  await until(/the call has begun/)
  t.match(await call('throws'), /^200 /)
  await until(/"stopping"/)
  await t.rejects(once(connect(Number(new URL(origin).port), '127.0.0.1'), 'connect'), { code: 'ECONNREFUSED' }, 'a new connection is refused')
  t.match(await slow, /^200 .*"text":"done"/s)
  t.equal(await ended, 1)
  t.match(log().filter(({ level }) => level === 'fatal'), [{ msg: /an error that nobody caught; the server finishes what it has begun, and ends/, err: { message: 'out of a timer' } }, {}], 'the second one too')
  t.equal(log().filter(({ msg }) => msg === 'stopping').length, 1)
})
