// mcpx role: what an operator types, and what is kept of it.
import { execFile } from 'node:child_process'
import path from 'node:path'
import t from 'tap'
import { listAudit } from '../../plugins/audit/store.ts'
import { createUser } from '../../plugins/accounts/users.ts'
import { testDatabase } from './database.ts'

const COMMAND = path.join(import.meta.dirname, '../../cli/role.ts')

t.test('roles are added, changed, listed and removed, and the trail has it', async t => {
  const { db, config } = await testDatabase(t)
  await createUser(db, 'anna', 'correct horse battery')
  const role = async (...args: string[]) => await new Promise<{ code: number, stdout: string, stderr: string }>(resolve => {
    execFile(process.execPath, [COMMAND, ...args], { env: { PATH: process.env.PATH, AUTH_DB_PATH: config.AUTH_DB_PATH } }, (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }))
  })
  t.match(await role('add', 'reader', '--tools', 'get_*,github.*, !github.delete_*', '--resources', 'note://a', '--resources', 'note://b', '--scopes', 'files:read', '--quota', '60/minute', '--quota', 'get_weather=3/day'), { code: 0, stdout: '', stderr: /^added reader in / })
  t.match(await role('set', 'reader', '--prompts', '*', '--scopes', '*', '--quota', 'none'), { code: 0 })
  const { stdout } = await role('list')
  t.match(JSON.parse(stdout), [
    { name: 'admin', built_in: true, users: 1 }, { name: 'auditor', users: 0 }, { name: 'member', users: 0 },
    { name: 'reader', built_in: false, users: 0, tools: ['get_*', 'github.*', '!github.delete_*'], prompts: ['*'], resources: ['note://a', 'note://b'], scopes: ['*'], quotas: [] }
  ])
  t.match(await role('remove', 'reader'), { code: 0 })
  t.match((await listAudit(db, { limit: 10 })).map(({ event, reason, actor }) => ({ event, reason, actor })), [
    { event: 'role_added', reason: 'reader: tools get_*,github.*,!github.delete_*; resources note://a,note://b; scopes files:read; quota 60/minute,get_weather=3/day', actor: String },
    { event: 'role_changed', reason: 'reader: prompts *; scopes *; quota none' },
    { event: 'role_removed', reason: 'reader' }
  ])
  for (const [args, said] of [
    [['frob'], /no command "frob"/], [['add', 'x'], /add needs to know what the role allows/], [['add', 'x', 'y', '--tools', 'a'], /one word too many; patterns/],
    [['add', 'x', '--quota', '5'], /--quota 5: such as 60\/minute/], [['set', 'member', '--tools', 'x'], /member is built in/]
  ] as const) t.match(await role(...args), { code: 2, stdout: '', stderr: said }, args.join(' '))
  t.match(await role('--help'), { code: 0, stdout: /role add reader/ })
})
