import t from 'tap'
import { browserCookies, endBrowserSession, findBrowserSession, openBrowserSession, purgeBrowserSessions } from '../../plugins/accounts/browser-session.ts'
import { createUser, disableUser, findByUsername, setPassword } from '../../plugins/accounts/users.ts'
import { now, setClockAhead } from '../../lib/clock.ts'
import { testDatabase } from './database.ts'

const PASSWORD = 'correct horse battery'

t.test('a browser that signed in is known by its id until it signs out', async t => {
  const { db, userId } = await withUser(t)
  const [id, other] = [await openBrowserSession(db, userId), await openBrowserSession(db, userId)]
  t.match(id, /^[\w-]{43}$/)
  t.not(id, other, 'a new id at each sign-in')
  t.match(await findBrowserSession(db, id), { id: userId, username: 'anna' })
  await endBrowserSession(db, id)
  t.equal(await findBrowserSession(db, id), undefined)
  t.match(await findBrowserSession(db, other), { username: 'anna' }, 'the other browser stays signed in')
})

t.test('the database does not hold the id', async t => {
  const { db, userId } = await withUser(t)
  const id = await openBrowserSession(db, userId)
  const [row] = await db.selectFrom('browser_sessions').selectAll().execute()
  t.notMatch(JSON.stringify(row), id)
  t.equal(await findBrowserSession(db, row?.id_hash), undefined, 'and what it holds is of no use')
})

t.test('a session ends a day after its last use, and 14 days after the sign-in however often it is used', async t => {
  t.teardown(() => setClockAhead(0))
  const { db, userId } = await withUser(t)
  const hours = (count: number): void => setClockAhead(count * 3_600_000)
  const [used, unused] = [await openBrowserSession(db, userId), await openBrowserSession(db, userId)]
  hours(23)
  t.match(await findBrowserSession(db, used), { username: 'anna' })
  hours(25)
  t.match(await findBrowserSession(db, used), { username: 'anna' })
  t.equal(await findBrowserSession(db, unused), undefined, 'unused for a day')
  await purgeBrowserSessions(db)
  t.equal((await db.selectFrom('browser_sessions').select('id_hash').execute()).length, 1, 'and it is not kept')
  for (let hour = 26; hour < 14 * 24; hour += 10) {
    hours(hour)
    t.match(await findBrowserSession(db, used), { username: 'anna' }, `after ${hour} hours`)
  }
  hours(14 * 24 + 0.01)
  t.equal(await findBrowserSession(db, used), undefined)
  await purgeBrowserSessions(db)
  t.same(await db.selectFrom('browser_sessions').select('id_hash').execute(), [])
})

t.test('a use is written down once in ten minutes, for that session only', async t => {
  t.teardown(() => setClockAhead(0))
  const { db, userId } = await withUser(t)
  const [used] = [await openBrowserSession(db, userId), await openBrowserSession(db, userId)]
  const noted = async () => (await db.selectFrom('browser_sessions').select('last_used_at').orderBy('last_used_at').execute()).map(row => row.last_used_at)
  setClockAhead(590_000)
  await findBrowserSession(db, used)
  t.same(await noted(), [null, null])
  setClockAhead(610_000)
  t.notMatch(await findBrowserSession(db, used), { used_at: Number })
  const [, first] = await noted()
  t.match(await noted(), [null, Number])
  setClockAhead(900_000)
  await findBrowserSession(db, used)
  t.same(await noted(), [null, first])
})

t.test('a session ends 14 days after the sign-in, and with a new password or a disabled user', async t => {
  const { db, userId } = await withUser(t)
  let id = await openBrowserSession(db, userId)
  const { expires_at } = await db.selectFrom('browser_sessions').select('expires_at').executeTakeFirstOrThrow()
  t.ok(Math.abs(expires_at - now() - 14 * 86_400) <= 1)
  await db.updateTable('browser_sessions').set({ expires_at: now() }).execute()
  t.equal(await findBrowserSession(db, id), undefined)

  id = await openBrowserSession(db, userId)
  await setPassword(db, 'anna', `${PASSWORD}!`)
  t.equal(await findBrowserSession(db, id), undefined)

  await disableUser(db, 'anna')
  id = await openBrowserSession(db, userId) // a sign-in that was under way
  t.equal(await findBrowserSession(db, id), undefined)
})

t.test('no cookie is no session', async t => {
  const { db } = await withUser(t)
  for (const id of [undefined, '', 'x', "' or 1=1 --"]) t.equal(await findBrowserSession(db, id), undefined)
  await endBrowserSession(db, undefined)
})

t.test('behind https the cookies are for this host only, and never for a script', async t => {
  t.match(browserCookies('https://mcp.example.com'), {
    session: { name: '__Host-mcpx_session', options: { httpOnly: true, sameSite: 'lax', path: '/', secure: true, maxAge: 1_209_600 } },
    device: { name: '__Host-mcpx_device', options: { httpOnly: true, sameSite: 'lax', path: '/', secure: true, maxAge: 15_552_000 } },
    form: { name: '__Host-mcpx_form', options: { httpOnly: true, sameSite: 'lax', path: '/', secure: true, maxAge: undefined } }
  })
  t.match(browserCookies('http://localhost:8000').session, { name: 'mcpx_session', options: { secure: false } })
})

async function withUser (t: Parameters<typeof testDatabase>[0]) {
  const { db } = await testDatabase(t)
  await createUser(db, 'anna', PASSWORD)
  return { db, userId: (await findByUsername(db, 'anna'))?.id ?? 0 }
}
