// Roles in the database: who may be given what, that an admin is left, and what a release that knew none leaves behind.
import t from 'tap'
import { up } from '../../migrations/010-roles.ts'
import { UserRights } from '../../plugins/accounts/rights.ts'
import { addRole, listRoles, removeRole, setRole } from '../../plugins/accounts/roles.ts'
import { createUser, disableUser, listUsers, setRolesOf } from '../../plugins/accounts/users.ts'
import { UserError } from '../../plugins/accounts/user-error.ts'
import { testDatabase } from '../oauth/database.ts'

const PASSWORD = 'correct horse battery'
const NONE = { tools: [], prompts: [], resources: [], quotas: [] }

t.test('the first user is an admin, the others have what new users get, or what they are given', async t => {
  const { db } = await testDatabase(t)
  await addRole(db, 'reader', { ...NONE, tools: ['get_*'] })
  await createUser(db, 'anna', PASSWORD)
  await createUser(db, 'berta', PASSWORD)
  await createUser(db, 'carla', PASSWORD, { roles: ['reader', 'auditor', 'reader'] })
  t.match(await listUsers(db), [{ username: 'anna', roles: ['admin'] }, { username: 'berta', roles: ['member'] }, { username: 'carla', roles: ['auditor', 'reader'] }])
  await t.rejects(createUser(db, 'dora', PASSWORD, { roles: ['king'] }), new UserError('there is no role "king"; there are admin, auditor, member, reader'))
  await t.rejects(setRolesOf(db, 'berta', ['king']), /there is no role/)
  await t.rejects(setRolesOf(db, 'berta', []), /at least one role/)
  t.match((await listUsers(db))[1], { username: 'berta', roles: ['member'] }, 'what is refused changes nothing')
})

t.test('the last admin stays one, and one who may not sign in is none', async t => {
  const { db } = await testDatabase(t)
  for (const name of ['anna', 'berta']) await createUser(db, name, PASSWORD)
  await t.rejects(setRolesOf(db, 'anna', ['member']), new UserError('anna is the only admin; make somebody else one first: user role NAME admin'))
  await setRolesOf(db, 'berta', ['admin', 'member'])
  await disableUser(db, 'berta')
  await t.rejects(setRolesOf(db, 'anna', ['member']), /only admin/)
  await setRolesOf(db, 'anna', ['admin', 'auditor'])
})

t.test('a role is changed in what is named, and removed when nobody has it; those built in stay', async t => {
  const { db } = await testDatabase(t)
  await createUser(db, 'anna', PASSWORD)
  await addRole(db, 'reader', { ...NONE, tools: ['get_*'], scopes: ['a'] })
  await t.rejects(addRole(db, 'reader', NONE), /there is a role reader already/)
  await setRole(db, 'reader', { quotas: [{ of: '*', per: 'day', calls: 5 }] })
  await setRole(db, 'reader', { scopes: undefined })
  t.match(await listRoles(db), [{ name: 'reader', definition: { tools: ['get_*'], quotas: [{ of: '*', per: 'day', calls: 5 }] } }])
  t.notOk('scopes' in ((await listRoles(db))[0]?.definition ?? {}), 'all of them')
  await setRolesOf(db, 'anna', ['admin', 'reader'])
  await t.rejects(removeRole(db, 'reader'), new UserError('reader is a role of anna; give them others first, by user role'))
  await setRolesOf(db, 'anna', ['admin'])
  await removeRole(db, 'reader')
  for (const act of [removeRole(db, 'admin'), setRole(db, 'member', NONE), addRole(db, 'auditor', NONE)] as Promise<unknown>[]) await t.rejects(act, /built in/)
  await t.rejects(setRole(db, 'reader', NONE), /there is no role/)
  for (const [name, definition, problem] of [
    ['Reader', NONE, /is no name of a role/], ['r', { ...NONE, tools: ['a b'] }, /cannot have these tools/], ['r', { ...NONE, scopes: ['"'] }, /cannot have these scopes/],
    ['r', { ...NONE, quotas: [{ of: '!x', per: 'day', calls: 1 }] }, /leaves none out/], ['r', { ...NONE, quotas: [{ of: '*', per: 'day', calls: 0 }] }, /whole number/]
  ] as const) await t.rejects(addRole(db, name, definition), problem)
})

t.test('the first user of an installation that knew no roles is an admin, all others are members', async t => {
  const { db } = await testDatabase(t)
  for (const table of ['revisions', 'user_roles', 'roles'] as const) await db.schema.dropTable(table).execute()
  for (const [username, disabled] of [['gone', 1], ['anna', null], ['berta', null]] as const) await db.insertInto('users').values({ username, password_hash: 'x', created_at: 0, disabled_at: disabled }).execute()
  await up(db)
  t.match(await listUsers(db), [{ username: 'anna', roles: ['admin'] }, { username: 'berta', roles: ['member'] }, { username: 'gone', roles: ['member'] }], 'of those who may sign in')
})

t.test('rights are read again when they have changed, also when that fails at first', async t => {
  const { db } = await testDatabase(t)
  await createUser(db, 'anna', PASSWORD)
  await createUser(db, 'berta', PASSWORD)
  const touched: string[] = []
  const errors: unknown[] = []
  const rights = new UserRights(db, 'member', touches => touched.push(['1', '2', '3'].filter(touches).join()), error => errors.push(error))
  t.teardown(() => rights.stop())
  await rights.refresh()
  t.ok(rights.unrestricted)
  touched.length = 0
  await addRole(db, 'reader', { ...NONE, tools: ['get_*'] })
  await rights.refresh()
  t.same(touched, [], 'a role that nobody has touches nobody')
  await setRolesOf(db, 'berta', ['reader'])
  await Promise.all([rights.refresh(), rights.refresh()])
  t.same(touched, ['2'])
  t.notOk(rights.unrestricted)
  t.same(rights.of('2').roles, ['reader'])
  t.same(rights.of('3').roles, ['member'], 'who is not known has what new users get')
  await setRole(db, 'reader', { tools: ['echo'] })
  await db.schema.alterTable('roles').renameTo('away').execute()
  rights.follow()
  await rights.refresh().catch(() => {})
  await db.schema.alterTable('away').renameTo('roles').execute()
  while (touched.length < 2) await new Promise(resolve => setImmediate(resolve))
  t.same(touched, ['2', '2'])
  t.ok(errors.length > 0)
})
