// Another release takes the place of the one in use while clients call all the time, or does not, and no call fails.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import SQLite from 'better-sqlite3'
import t from 'tap'
import { anotherCheckout, machine } from './machine.ts'
import { noNginx } from './nginx.ts'
import { openStream, startTraffic } from './traffic.ts'

t.test('a server that is called all the time', { skip: noNginx }, async t => {
  const server = await machine(t)
  const { root, origin, ports, run, options, processes } = server
  mkdirSync(path.dirname(server.configuration), { recursive: true })
  writeFileSync(server.configuration, `PUBLIC_URL=${origin}\nAUTH_DB_PATH=${root}/var/lib/mcpx/auth.db\nRATE_LIMIT_MAX=0\nSHUTDOWN_GRACE_SECONDS=5\n`)
  t.match(await run('setup', ...options), { code: 0, stderr: '', stdout: new RegExp(`now with TOOLS_DIR=${root}/etc/mcpx/tools`) })
  const target = { origin, token: server.token() }
  const first = server.release()
  const next = anotherCheckout(t)

  await t.test('a release that does not start is taken back, and no call fails', async t => {
    const broken = anotherCheckout(t)
    writeFileSync(path.join(broken, 'tools/broken.ts'), "import 'no-such-package'\nexport default async function () {}\n")
    writeFileSync(path.join(broken, 'migrations/999-further.ts'), "export async function up (db: any) { await db.schema.createTable('further').addColumn('id', 'integer').execute() }\n")
    const running = processes()
    const traffic = startTraffic(target)
    const { code, stderr } = await run('upgrade', '--from', broken)
    const { calls, failures } = await traffic.stop()
    t.equal(code, 1)
    t.match(stderr, /^upgrade: release \S+ does not start: mcpx: .*tools\/broken\.ts:1:8: Cannot find package 'no-such-package'; release \S+ is in use as before\n$/)
    t.comment(`${calls} calls meanwhile, ${failures.length} failed`)
    t.same(failures, [])
    t.equal(server.release(), first)
    t.same(Object.keys(processes()), ports)
    t.equal(processes()[ports[1] ?? ''], running[ports[1] ?? ''], 'the second instance was left alone')
    const db = new SQLite(path.join(root, 'var/lib/mcpx/auth.db'), { readonly: true })
    t.ok(db.prepare("select 1 from sqlite_master where name = 'further'").get(), 'although the database has gone further')
    db.close()
    t.equal(readdirSync(path.join(root, 'var/backups/mcpx')).length, 1, 'a backup was made before')
  })

  await t.test('another release takes its place, one instance after the other: no call fails, and streams end whole', async t => {
    const manifest = readFileSync(path.join(next, 'package.json'), 'utf8')
    writeFileSync(path.join(next, 'package.json'), manifest.replace(/"version": "[^"]+"/, '"version": "9.8.7"'))
    for (const [file, line] of [['CHANGELOG.md', '\n- Everything is better\u001B[2J.\n'], ['.env.example', '\n#BETTER=yes\n']] as const) writeFileSync(path.join(next, file), readFileSync(path.join(next, file), 'utf8') + line)
    const asked = await run('upgrade', '--from', next, '--check')
    t.match(asked, { code: 0, stderr: '' })
    t.match(asked.stdout, new RegExp(`^In use:  ${first}\\nOffered: 9\\.8\\.7-\\w{12}\\n\\nSettings that it adds .*:\\n\\n {2}BETTER\\n\\nWhat its CHANGELOG\\.md says .*:\\n\\n {2}- Everything is better\\[2J\\.\\n`))
    t.equal(server.release(), first, 'nothing is changed by asking')
    t.equal((await run('upgrade', '--check')).stdout, `In use:  ${first}\nOffered: ${first}\n\nIt is the same: nothing would change.\n`)
    const running = processes()
    const streams = [await openStream(target, '2025'), await openStream(target, '2026'), await openStream(target, '2025'), await openStream(target, '2026')]
    const traffic = startTraffic(target)
    const { code, stdout, stderr, seconds } = await run('upgrade', '--from', next)
    const { calls, failures } = await traffic.stop()
    t.same({ code, stderr }, { code: 0, stderr: '' })
    t.comment(`${calls} calls in ${seconds.toFixed(1)} s, ${failures.length} failed`)
    t.same(failures, [])
    t.ok(calls > 200)
    t.match(server.release(), /^9\.8\.7-[0-9a-f]{12}$/)
    t.match(stdout, `Release ${server.release()} is in use. Back to ${first}:`)
    for (const port of ports) t.match(await (await fetch(`http://127.0.0.1:${port}/health`)).json(), { version: '9.8.7' })
    for (const port of ports) t.not(processes()[port], running[port])
    for (const stream of streams) t.equal(await stream.ended, 'whole', stream.text())
    t.notOk(existsSync(path.join(root, 'var/log/units/killed')), 'nothing had to be killed')
  })

  await t.test('the release before is one command away', async t => {
    const traffic = startTraffic(target)
    const { code } = await run('upgrade', '--back')
    const { calls, failures } = await traffic.stop()
    t.equal(code, 0)
    t.comment(`${calls} calls meanwhile, ${failures.length} failed`)
    t.same(failures, [])
    t.equal(server.release(), first)
    t.equal(readdirSync(path.join(root, 'opt/mcpx/releases')).length, 3)
  })
})
