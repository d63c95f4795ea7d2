// The place for an operator's own tools on a server: setup makes it, serves what is in it, and puts changes there into effect.
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { machine } from './machine.ts'
import { noNginx } from './nginx.ts'

const TOOL = "export default async function (fastify) { fastify.mcp.registerTool('own', { description: 'Own' }, async () => 'own') }\n"

t.test('tools of the operator', { skip: noNginx }, async t => {
  const { root, origin, ports, configuration, options, run, processes } = await machine(t)
  const folder = path.join(root, 'etc/mcpx/tools')
  const tool = path.join(folder, 'own.ts')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(tool, TOOL)
  // As a server has it that was set up before there was a place for them.
  writeFileSync(configuration, `PUBLIC_URL=${origin}\nAUTH_DB_PATH=${root}/var/lib/mcpx/auth.db\nSHUTDOWN_GRACE_SECONDS=5\n`)

  await t.test('are served from the place for them', async t => {
    const { code, stdout, stderr } = await run('setup', ...options)
    t.same({ code, stderr }, { code: 0, stderr: '' })
    t.match(stdout, `now with TOOLS_DIR=${folder}`)
    t.match(stdout, /serves 6 tools/)
    t.equal(statSync(folder).mode & 0o777, 0o755, 'the service can look into it')
  })

  await t.test('cost one instance and are named if they cannot be loaded', async t => {
    const running = processes()
    writeFileSync(tool, "import 'no-such-package'\n")
    t.match(await run('setup'), { code: 1, stderr: /^setup: release \S+ does not start: mcpx: \S*etc\/mcpx\/tools\/own\.ts:1:8: Cannot find package 'no-such-package'; correct that and run it again\n$/ })
    t.same(processes()[ports[1] ?? ''], running[ports[1] ?? ''], 'the second instance goes on')
    writeFileSync(tool, TOOL)
    t.match(await run('setup'), { code: 0, stdout: /instances +1 started[^]*serves 6 tools/ }, 'which need not be started again, as it has what there is now')
  })
})
