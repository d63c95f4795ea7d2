import t from 'tap'
import { browserCookies, endBrowserSession, findBrowserSession, openBrowserSession } from '../../plugins/accounts/browser-session.ts'
import { createUser, disableUser, findByUsername, setPassword } from '../../plugins/accounts/users.ts'
import { now } from '../../lib/clock.ts'
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
    form: { name: '__Host-mcpx_form', options: { httpOnly: true, sameSite: 'lax', path: '/', secure: true, maxAge: undefined } }
  })
  t.match(browserCookies('http://localhost:8000').session, { name: 'mcpx_session', options: { secure: false } })
})

async function withUser (t: Parameters<typeof testDatabase>[0]) {
  const { db } = await testDatabase(t)
  await createUser(db, 'anna', PASSWORD)
  return { db, userId: (await findByUsername(db, 'anna'))?.id ?? 0 }
}
