// fastify.dataDir: a folder for what a tool file keeps, made when it is first asked for, for nobody else.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { startServer, temporaryFolder } from '../server.ts'
import { startTools } from '../tool.ts'
import { until } from '../support/until.ts'

const FILE = `import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import fp from 'fastify-plugin'
import type { FastifyInstance } from 'mcpx'
const count = async (fastify: FastifyInstance) => {
  fastify.mcp.registerTool('NAME', { description: 'd' }, () => {
    const file = path.join(fastify.dataDir, 'count')
    let n = 0
    try { n = Number(readFileSync(file, 'utf8')) } catch {}
    writeFileSync(file, String(n + 1))
    return { content: [{ type: 'text', text: String(n + 1) }] }
  })
}
export default WRAPPED
`

const write = (dir: string, name: string, wrapped = 'count') => writeFileSync(path.join(dir, `${name}.ts`), FILE.replace('NAME', name).replace('WRAPPED', wrapped))

t.test('each file has its own, which outlives the server', async t => {
  const [TOOLS_DIR, data] = [temporaryFolder(t), temporaryFolder(t)]
  write(TOOLS_DIR, 'one')
  write(TOOLS_DIR, 'shared', 'fp(count)')
  write(TOOLS_DIR, 'nested', 'async (fastify: FastifyInstance) => { await fastify.register(count) }')
  const env = { TOOLS_DIR, AUTH_DB_PATH: path.join(data, 'auth.db') }
  const first = await startTools(t, env)
  t.notOk(existsSync(path.join(data, 'tools')), 'nobody has asked for one')
  for (const name of ['one', 'shared', 'nested']) t.match(await first.call(name), { text: '1' })
  t.match(await first.call('one'), { text: '2' })
  t.same(readdirSync(path.join(data, 'tools')).sort(), ['nested', 'one', 'shared'])
  for (const folder of ['tools', 'tools/one', 'tools/shared']) t.equal(statSync(path.join(data, folder)).mode & 0o777, 0o700)
  await first.app.close()
  t.match(await (await startTools(t, env)).call('one'), { text: '3' })
})

t.test('a file that is loaded anew goes on with what it has', async t => {
  const TOOLS_DIR = temporaryFolder(t)
  write(TOOLS_DIR, 'one')
  const { call, log } = await startTools(t, { TOOLS_DIR, TOOLS_RELOAD: 'on' })
  await call('one')
  writeFileSync(path.join(TOOLS_DIR, 'one.ts'), `${readFileSync(path.join(TOOLS_DIR, 'one.ts'), 'utf8')}// changed\n`)
  await until(() => log.some(line => line.includes('is served as it is now')))
  t.match(await call('one'), { text: '2' })
})

t.test('where it cannot be made, the file is named that asked for it', async t => {
  const [TOOLS_DIR, data] = [temporaryFolder(t), temporaryFolder(t)]
  writeFileSync(path.join(data, 'tools'), 'in the way')
  writeFileSync(path.join(TOOLS_DIR, 'asks.mjs'), 'export default async ({ dataDir }) => { dataDir.length }\n')
  await t.rejects(startServer(t, { TOOLS_DIR, AUTH_DB_PATH: path.join(data, 'auth.db') }), { message: /asks\.mjs: AUTH_DB_PATH: the folder .*tools\/asks cannot be made \(\w+\); make the folder/ })
})
