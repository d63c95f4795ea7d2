// What is remembered of tokens that were checked: how long, and how many.
import t, { type Test } from 'tap'
import { setClockAhead } from '../../lib/clock.ts'
import { RightsOfRoles, Role } from '../../plugins/auth/roles.ts'
import { AccessTokens } from '../../plugins/auth/oauth/grants/access-tokens.ts'
import { loadKeys } from '../../plugins/auth/oauth/grants/keys.ts'
import { Revocations } from '../../plugins/auth/oauth/grants/revocations.ts'
import { testDatabase } from './database.ts'

const LIFETIME = 3600

async function start (t: Test) {
  const { db, storage, config } = await testDatabase(t)
  const keys = loadKeys(config, 's'.repeat(64), 'http://127.0.0.1:8000', 'http://127.0.0.1:8000/mcp')
  let checked = 0
  const counting = { ...keys, verify: (token: string) => { checked++; return keys.verify(token) } }
  const revocations = new Revocations(storage)
  const tokens = new AccessTokens(counting, revocations, 'http://127.0.0.1:8000', LIFETIME, () => new RightsOfRoles([new Role('member')]))
  const issue = (id = 'grant') => tokens.issue({ id, user_id: 1, client_id: 'client', resource: 'http://127.0.0.1:8000/mcp' }, 'anna', ['mcp'], Infinity).token
  return { db, storage, tokens, revocations, issue, checked: () => checked }
}

t.test('a token that was checked before is looked up, until its time is over', async t => {
  t.teardown(() => setClockAhead(0))
  const { tokens, issue, checked } = await start(t)
  const token = issue()
  const stands = tokens.standing(token)
  for (let i = 0; i < 3; i++) t.match(tokens.principalOf(token), { id: '1', clientId: 'client', grantId: 'grant' })
  t.equal(checked(), 1)
  setClockAhead((LIFETIME - 2) * 1000)
  t.ok(tokens.principalOf(token))
  t.ok(stands())
  setClockAhead((LIFETIME + 1) * 1000)
  t.equal(tokens.principalOf(token), undefined)
  t.notOk(stands())
})

t.test('a principal knows when its grant is revoked, and whoever asked to be told is told once', async t => {
  const { db, storage, tokens, issue } = await start(t)
  const told: string[][] = []
  const revocations = new Revocations(storage, grants => told.push(grants))
  const row = { user_id: 1, client_id: 'c', scope: 'mcp', resource: 'r', created_at: 0, expires_at: 0 }
  await db.insertInto('oauth_grants').values([{ ...row, id: 'before', revoked_at: Math.floor(Date.now() / 1000) }, { ...row, id: 'grant', revoked_at: null }]).execute()
  await revocations.refresh()
  t.same(told, [], 'what was revoked before the start is no news')
  await db.updateTable('oauth_grants').set({ revoked_at: Math.floor(Date.now() / 1000) }).where('id', '=', 'grant').execute()
  await revocations.refresh()
  await revocations.refresh()
  t.same(told, [['grant']])
  t.equal(tokens.principalOf(issue())?.isRevoked?.(), false, 'by what its own server has read')
})

t.test('there is a bound on what is remembered, and the oldest goes first', async t => {
  const { tokens, issue, checked } = await start(t)
  const first = issue()
  tokens.principalOf(first)
  let last = first
  for (let i = 0; i < 10_000; i++) tokens.principalOf(last = issue())
  t.equal(checked(), 10_001)
  tokens.principalOf(last)
  t.equal(checked(), 10_001, 'the newest is remembered')
  tokens.principalOf(first)
  t.equal(checked(), 10_002, 'the oldest is checked again')
})
