// What is written can be read again, whole or in parts, and whatever line ends another writer uses.
import t from 'tap'
import { isEventStream, parseSse, sseComment, sseData, sseEvent } from '../../lib/sse.ts'

t.test('events and comments are read as they were written', async t => {
  const text = sseComment('open') + sseEvent('{"a":": \\n"}') + 'id: 7\nretry: 1000\ndata: \n\nid:8\ndata:one\ndata: two\n\n'
  t.same(parseSse(text), { events: [{ comment: 'open' }, { data: '{"a":": \\n"}' }, { id: '7', retry: '1000', data: '' }, { id: '8', data: 'one\ntwo' }], rest: '' })
  t.same(sseData(text), ['{"a":": \\n"}', 'one\ntwo'], 'an event without data says nothing')
})

t.test('what has not come in whole is kept for later', async t => {
  const text = sseEvent('{}') + sseEvent('[]')
  for (let length = 0; length <= text.length; length++) {
    const first = parseSse(text.slice(0, length))
    const second = parseSse(first.rest + text.slice(length))
    t.same([...first.events, ...second.events], [{ data: '{}' }, { data: '[]' }], String(length))
    t.equal(second.rest, '')
  }
})

t.test('lines may end in any of three ways, and fields that mean nothing are left out', async t => {
  for (const end of ['\n', '\r\n', '\r']) t.same(parseSse(`event: message${end}other: x${end}data${end}id: 1${end}${end}`).events, [{ data: '', id: '1' }], JSON.stringify(end))
})

t.test('a stream of events is known by its type', async t => {
  for (const type of ['text/event-stream', 'text/event-stream; charset=utf-8']) t.ok(isEventStream(type))
  for (const type of [undefined, null, '', 'application/json', ['text/event-stream']]) t.notOk(isEventStream(type))
})
