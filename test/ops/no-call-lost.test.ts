// Instances are stopped and started, one after the other, while clients call all the time: not one call fails. `./mcpx lost-calls` does the
// same for long, on a busy machine too, and with whole upgrades.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { anotherCheckout, machine } from './machine.ts'
import { deploy, noNginx } from './nginx.ts'
import { startTraffic } from './traffic.ts'

const TOOLS = path.join(import.meta.dirname, 'tools')
const RESTARTS = Number(process.env.RESTARTS ?? 2)
const UPGRADES = Number(process.env.UPGRADES ?? 0)
/** So many threads do nothing but turn round, all the time. */
const LOAD = Number(process.env.LOAD ?? 0)

const busy = Array.from({ length: LOAD }, () => new Worker('for (;;);', { eval: true }))
t.teardown(async () => { await Promise.all(busy.map(async worker => await worker.terminate())) })

t.test(`${RESTARTS} restarts`, { skip: noNginx }, async t => {
  const { origin, instances } = await deploy(t, { AUTH_MODE: 'noauth', TOOLS_DIR: TOOLS, SHUTDOWN_GRACE_SECONDS: '5' })
  const traffic = startTraffic({ origin, token: '' }, { streams: true })
  for (let restart = 0; restart < RESTARTS; restart++) {
    const instance = instances[restart % 2]
    if (instance === undefined) throw new Error('there are two')
    instance.process.child.kill('SIGTERM')
    t.equal(await instance.process.ended, 0)
    await instance.start()
  }
  const { calls, failures } = await traffic.stop()
  t.comment(`${calls} calls, ${failures.length} failed`)
  t.same(failures, [])
  t.ok(calls > RESTARTS * 100, `${calls} calls`)
})

if (UPGRADES > 0) {
  t.test(`${UPGRADES} upgrades`, { skip: noNginx }, async t => {
    const server = await machine(t)
    mkdirSync(path.dirname(server.configuration), { recursive: true })
    writeFileSync(server.configuration, `PUBLIC_URL=${server.origin}\nAUTH_DB_PATH=${server.root}/var/lib/mcpx/auth.db\nRATE_LIMIT_MAX=0\nSHUTDOWN_GRACE_SECONDS=5\nLOG_LEVEL=WARN\n`)
    cpSync(TOOLS, path.join(server.root, 'etc/mcpx/tools'), { recursive: true })
    t.match(await server.run('setup', ...server.options), { code: 0 })
    const next = anotherCheckout(t)
    writeFileSync(path.join(next, 'CHANGELOG.md'), 'Another release.\n')
    const traffic = startTraffic({ origin: server.origin, token: server.token() }, { streams: true })
    for (let upgrade = 0; upgrade < UPGRADES; upgrade++) t.match(await server.run('upgrade', ...upgrade === 0 ? ['--from', next] : ['--back']), { code: 0, stderr: '' })
    const { calls, failures } = await traffic.stop()
    t.comment(`${calls} calls, ${failures.length} failed`)
    t.same(failures, [])
  })
}
