import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { entriesOf, isWanted, readable } from '../../cli/log-lines.ts'
import { temporaryFolder } from '../server.ts'

const time = (minute: number): string => `2026-11-27T10:${String(minute).padStart(2, '0')}:00.000Z`
const LINES = [
  'Started mcpx@8001.service - MCPX.',
  '$ node server.ts',
  JSON.stringify({ level: 'info', time: time(1), reqId: 'a', method: 'POST', path: '/mcp', status: 200, ms: 51.2, outcome: 'ok', rpc: 'tools/call', name: 'echo', user: 'anna', app: 'Claude Code', client: 'client_1', msg: 'request' }),
  JSON.stringify({ level: 'info', time: time(2), reqId: 'b', status: 200, outcome: 'ok', rpc: 'batch of 2', user: 'bert', app: 'Cursor', calls: [{ rpc: 'tools/call', name: 'echo', outcome: 'ok', ms: 1 }, { rpc: 'tools/call', name: 'get_weather', outcome: 'tool_error', ms: 2 }], msg: 'request' }),
  '{"level":"info","broken',
  'null',
  JSON.stringify({ level: 'info', time: time(3), method: 'POST', path: '/mcp', status: 401, outcome: 'refused', why: 'the token has expired', msg: 'request' }),
  JSON.stringify({ level: 'info', time: time(4), audit: 'sign_in', outcome: 'refused', user: 'anna', address: '203.0.113.7', msg: 'authentication event' }),
  JSON.stringify({ level: 'error', time: time(5), err: { message: 'disk\u001b[2J' }, msg: 'tool failed', tool: 'echo' })
]

t.test('each filter keeps what it names, and filters add up', t => {
  const entries = LINES.flatMap(line => entriesOf(line) ?? [])
  t.equal(entries.length, 6)
  const minutes = (wanted: object) => entries.filter(entry => isWanted(entry, wanted)).map(entry => new Date(entry.time as string).getUTCMinutes())
  t.same(minutes({ calls: true }), [1, 2, 2])
  t.same(minutes({ failed: true }), [2, 3, 4, 5])
  t.same(minutes({ 'sign-ins': true }), [4])
  t.same(minutes({ user: 'Anna' }), [1, 4])
  t.same(minutes({ tool: 'echo' }), [1, 2, 5])
  t.same(minutes({ client: 'cursor' }), [2, 2])
  t.same(minutes({ client: 'client_1' }), [1])
  t.same(minutes({ since: Date.parse(time(3)) }), [3, 4, 5])
  t.same(minutes({ calls: true, failed: true, user: 'bert' }), [2])
  t.same(entries.map(readable), [
    '2026-11-27 10:01:00  anna  Claude Code  echo  ok  51.2 ms',
    '2026-11-27 10:02:00  bert  Cursor  echo  ok  1 ms',
    '2026-11-27 10:02:00  bert  Cursor  get_weather  tool_error  2 ms',
    '2026-11-27 10:03:00  POST /mcp  refused  401  why=the token has expired',
    '2026-11-27 10:04:00  anna  authentication event  refused  audit=sign_in  address=203.0.113.7',
    '2026-11-27 10:05:00  ERROR  tool failed  tool=echo  disk?[2J'
  ])
  t.end()
})

t.test('the command reads a file or standard input, and passes over what is not of the server', t => {
  const file = path.join(temporaryFolder(t), 'log')
  writeFileSync(file, LINES.join('\n'))
  const run = (args: string[], input?: string) => spawnSync(process.execPath, [path.join(import.meta.dirname, '../../cli/log.ts'), ...args], { encoding: 'utf8', input })
  t.match(run(['--calls', '--user', 'anna', file]), { status: 0, stderr: '', stdout: /^\{"level":"info",[^\n]+"name":"echo"[^\n]+\n$/ })
  t.equal(run(['--sign-ins'], LINES.join('\n')).stdout.split('\n').length, 2)
  t.match(run([`${file}x`]), { status: 2, stderr: `log: ${file}x cannot be read (ENOENT)\n` })
  t.match(run(['--since', 'yesterday', file]), { status: 2, stderr: /^log: --since yesterday: a time as 24h/ })
  t.end()
})
