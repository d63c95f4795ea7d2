// What the direct lane leaves behind: nothing of what was answered, and nothing of what was listed.
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startServer } from '../server.ts'
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
