// What has happened is told to all who listen, whatever becomes of one of them.
import t from 'tap'
import { startServer } from '../server.ts'

t.test('a listener is told from when it listens until it leaves', async t => {
  const { app: { events, mcp } } = await startServer(t)
  const heard: string[] = []
  mcp.resourceUpdated('test://before')
  const leave = events.on('resource', ({ uri }) => { heard.push(uri) })
  mcp.resourceUpdated('test://meanwhile')
  leave()
  mcp.resourceUpdated('test://after')
  t.same(heard, ['test://meanwhile'])
})

t.test('nobody hears a kind that nobody listens for, and who has much to tell can ask', async t => {
  const { app: { events } } = await startServer(t)
  t.notOk(events.hears('connection'))
  const leave = events.on('connection', () => {})
  t.ok(events.hears('connection'))
  leave()
  leave()
  t.notOk(events.hears('connection'), 'and leaving twice is leaving once')
})

t.test('a listener that fails keeps nothing from the others, nor from who tells, and is in the log', async t => {
  const { app: { events, mcp }, log } = await startServer(t)
  const heard: string[] = []
  events.on('list', () => { throw new Error('a listener with a fault') })
  events.on('list', ({ list }) => { heard.push(list) })
  t.doesNotThrow(() => mcp.toolsChanged())
  t.same(heard, ['tools'])
  t.ok(log.some(line => line.includes('a listener with a fault')))
})
