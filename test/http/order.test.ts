// The order of what a request passes: whatever is refused, and wherever, its answer has an id, and the log has its line.
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { requirePlugins } from '../../lib/plugin-files.ts'
import { startServer, temporaryFolder } from '../server.ts'
import { rawRequest } from '../support/raw-request.ts'
import { until } from '../support/until.ts'

const REFUSED: Record<string, { status: number, head: string[], method?: string, path?: string, body?: string }> = {
  'a Host of somebody else': { status: 403, head: ['Host: evil.example'] },
  'an Origin of somebody else': { status: 403, head: ['Host: localhost', 'Origin: https://evil.example'] },
  'a preflight': { status: 204, method: 'OPTIONS', path: '/mcp', head: ['Host: localhost', 'Origin: http://localhost', 'Access-Control-Request-Method: POST'] },
  'a preflight of nothing': { status: 204, method: 'OPTIONS', path: '/nothing', head: ['Host: localhost', 'Origin: http://localhost', 'Access-Control-Request-Method: POST'] },
  'nothing that is served': { status: 404, path: '/nothing', head: ['Host: localhost'] },
  'a method that is not taken': { status: 405, method: 'PUT', path: '/mcp', head: ['Host: localhost'] },
  'a call without a token': { status: 401, method: 'POST', path: '/mcp', head: ['Host: localhost', 'Content-Type: application/json'], body: '{}' },
  'a body that is no JSON': { status: 400, method: 'POST', path: '/oauth/register', head: ['Host: localhost', 'Content-Type: application/json'], body: '{' },
  'a body that is too large': { status: 413, method: 'POST', path: '/oauth/register', head: ['Host: localhost', 'Content-Type: application/json'], body: `"${'x'.repeat(70_000)}"` }
}

t.test('every answer has an id, one line of the log, and one observation of the metrics', async t => {
  const { origin, log, app } = await startServer(t, { AUTH_MODE: 'oauth', METRICS_TOKEN: 'a token of the metrics', ALLOWED_ORIGINS: 'http://localhost' })
  const counted = async (): Promise<number> => {
    const { text = '' } = await app.metrics.write?.() ?? {}
    return [...text.matchAll(/^mcpx_http_request_duration_seconds_count\{.*\} (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0)
  }
  let before = await counted()
  for (const [what, { status, head, method = 'GET', path = '/', body = '' }] of Object.entries(REFUSED)) {
    const answer = await rawRequest(origin, `${method} ${path} HTTP/1.1\r\n${[...head, `Content-Length: ${body.length}`, 'Connection: close'].join('\r\n')}\r\n\r\n${body}`)
    const [, id] = /^x-request-id: (\S+)\r$/im.exec(answer) ?? []
    t.equal(Number(answer.slice(9, 12)), status, what)
    t.ok(id, `${what}: the answer has an id`)
    await until(async () => await counted() > before)
    t.equal(await counted(), ++before, `${what}: it is counted`)
    t.equal(log.map(line => JSON.parse(line)).filter(line => line.reqId === id && line.msg === 'request').length, 1, `${what}: the log has one line for it`)
  }
})

t.test('a file among plugins that is none stops the boot, and is named', async t => {
  const folder = (t: Test, files: Record<string, string>): string => {
    const dir = temporaryFolder(t)
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.join(dir, path.dirname(name)), { recursive: true })
      writeFileSync(path.join(dir, name), text)
    }
    return dir
  }
  const plugin = 'export default async function plugin () {}\n'
  const none = () => false
  await t.resolves(requirePlugins(folder(t, { 'one.ts': plugin, 'two/index.ts': plugin, 'two/part.ts': 'export const part = 1\n' }), none))
  const broken = folder(t, { 'one.ts': plugin, 'lost.ts': 'export async function lost () {}\n', 'deep/other.ts': 'export default 1\n' })
  await t.rejects(requirePlugins(broken, none), /lost\.ts is no Fastify plugin/)
  await t.rejects(requirePlugins(broken, none), /deep\/other\.ts is no Fastify plugin/)
  await t.resolves(requirePlugins(broken, file => file === '/lost.ts' || file.startsWith('/deep/')))
})
