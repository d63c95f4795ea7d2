// What the direct lane leaves behind: nothing of what was answered, nothing of what was listed, and no call when the server stops.
import { once } from 'node:events'
import path from 'node:path'
import { mock } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startServer } from '../server.ts'
import { until } from '../support/until.ts'
import { calls } from './tools/_calls.ts'
import { answer, events, legacy, modern } from './wire.ts'

const env = { TOOLS_DIR: path.join(import.meta.dirname, 'tools') }

t.test('a call that was long, and is answered, is kept alive no longer', async t => {
  const failures: unknown[] = []
  const note = (error: unknown): void => { failures.push(error) }
  process.on('uncaughtException', note).on('unhandledRejection', note)
  t.teardown(() => { process.off('uncaughtException', note).off('unhandledRejection', note) })
  const { endpoint } = await startServer(t, env, { KEEP_ALIVE_SECONDS: 0.05 })
  const started = once(calls, 'started')
  const response = await Promise.all([legacy(endpoint, 'tools/call', { name: 'bake', arguments: { label: 'rye' } }), started]).then(([response]) => response)
  const heard: string[] = []
  for await (const { comment, message } of events(response)) {
    heard.push(comment ?? message?.result?.content?.[0]?.text ?? '')
    if (comment !== undefined) calls.emit('done rye')
  }
  t.equal(heard[0], 'keepalive')
  t.equal(heard.at(-1), 'Baked rye')
  await sleep(200) // four more
  t.same(failures, [])
  t.match(await answer(modern(endpoint, 'tools/call', { name: 'echo', arguments: { message: 'x' } })), { result: { content: [{ text: 'x' }] } })
})

t.test('a list that was answered is answered anew once it has changed', async t => {
  const { endpoint, app } = await startServer(t, env)
  const names = async (): Promise<string[]> => (await answer(modern(endpoint, 'tools/list'))).result?.tools.map(({ name }: { name: string }) => name)
  for (let i = 0; i < 3; i++) t.notOk((await names()).includes('later'))
  app.mcp.registerTool('later', { description: 'Came later' }, () => ({ content: [] }))
  for (let i = 0; i < 3; i++) t.ok((await names()).includes('later'))
})

t.test('a call that was answered before it had to be kept alive is heard of no more', async t => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const { endpoint, app } = await startServer(t, env)
  // Its answer is an error, which the SDK shapes.
  app.mcp.registerTool('fail', { description: 'Fails, after a while' }, async (_args, ctx) => {
    await once(calls, 'done failing')
    throw ctx.error('It has failed', { code: -32099 })
  })
  for (const [name, args, done, text] of [['bake', { label: 'rye' }, 'done rye', 'Baked rye'], ['fail', {}, 'done failing', 'It has failed']] as const) {
    const answered = answer(legacy(endpoint, 'tools/call', { name, arguments: args }))
    await until(() => app.mcp.inFlight.size === 1)
    calls.emit(done)
    const { result, error } = await answered
    t.equal(error?.message ?? result?.content[0].text, text)
    t.doesNotThrow(() => mock.timers.tick(app.config.KEEP_ALIVE_SECONDS * 2000), name)
  }
})

t.test('a server that stops ends the calls of this lane, and says so', async t => {
  const { endpoint, app } = await startServer(t, env)
  const answered = answer(legacy(endpoint, 'tools/call', { name: 'wait', arguments: { label: 'on' } }))
  const aborted = once(calls, 'aborted')
  await until(() => app.mcp.inFlight.size === 1)
  const closed = app.close()
  t.same(await aborted, ['on'])
  t.match(await answered, { result: { isError: true, content: [{ text: 'wait was ended: the server is stopping' }] } })
  await closed
})
