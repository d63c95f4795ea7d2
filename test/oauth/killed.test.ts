// A server process that is killed in the middle of things, and started again on the same database.
import { setTimeout as sleep } from 'node:timers/promises'
import SQLite from 'better-sqlite3'
import t from 'tap'
import { Authorization, type Tokens } from './authorization.ts'
import { mortal, works } from './mortal.ts'
import { DEFAULT_USER, isPage } from './person.ts'

t.test('kill -9', async t => {
  const { origin, kill, restart, database } = await mortal(t)
  const authorization = await new Authorization(origin).register()
  const { person } = authorization

  await t.test('between sign-in and consent: the sign-in is remembered, and the open page still works', async t => {
    const signIn = await person.open(authorization.url())
    const consent = isPage(signIn) ? await person.submit(signIn, DEFAULT_USER) : signIn
    await kill()
    await restart()
    if (!isPage(consent)) throw new Error('no page')
    const finished = await person.submit(consent, { decision: 'allow' })
    const code = isPage(finished) ? /[?&]code=([\w-]+)/.exec(finished.html.replaceAll('&amp;', '&'))?.[1] ?? '' : ''
    t.equal((await authorization.redeem(code)).status, 200)
  })

  await t.test('after the code was issued: it is good once', async t => {
    const code = await authorization.code()
    await kill()
    await restart()
    const first = await authorization.redeem(code)
    t.equal(first.status, 200)
    await kill()
    await restart()
    t.ok(await works(origin, first.body.access_token))
    t.match(await authorization.redeem(code), { status: 400, body: { error: 'invalid_grant', error_description: /used before/ } }, 'a used code stays used')
    t.notOk(await works(origin, first.body.access_token), 'and its replay ends what it got')
    await kill()
    await restart()
    t.notOk(await works(origin, first.body.access_token), 'which stays ended')
    t.match((await authorization.refresh(first.body.refresh_token)).body, { error: 'invalid_grant' })
  })

  await t.test('after a revocation: it stays revoked', async t => {
    const tokens = await authorization.tokens()
    await authorization.revoke(tokens.access_token)
    await kill()
    await restart()
    t.notOk(await works(origin, tokens.access_token))
    t.match((await authorization.refresh(tokens.refresh_token)).body, { error: 'invalid_grant' })
  })

  await t.test('while clients redeem and refresh: what was answered is good, and nobody is logged out', async t => {
    const sessions = await Promise.all(Array.from({ length: 6 }, () => authorization.tokens()))
    const codes: string[] = []
    for (let i = 0; i < 6; i++) codes.push(await authorization.code())
    const answered: Tokens[] = []
    const note = async (request: Promise<{ status: number, body: Tokens }>) => {
      const answer = await request.catch(() => undefined) // the connection that the kill cut
      if (answer?.status === 200) answered.push(answer.body)
    }
    // Four of each at once; the kill comes with the third answer, in the middle of the others.
    const requests = [...sessions.flatMap(({ refresh_token: token }) => [1, 2, 3, 4].map(() => note(authorization.refresh(token)))), ...codes.map(code => note(authorization.redeem(code)))]
    while (answered.length < 3) await sleep(1)
    await kill()
    await Promise.all(requests)
    await restart()

    const file = new SQLite(database, { readonly: true })
    t.equal(file.pragma('integrity_check', { simple: true }), 'ok')
    file.close()
    t.ok(answered.length >= 3 && answered.length < requests.length, `${answered.length} of ${requests.length} were answered`)
    for (const { access_token: token } of answered) t.ok(await works(origin, token), 'a token that was handed out')
    for (const { access_token: old, refresh_token: token } of sessions) {
      t.ok(await works(origin, old))
      // As a client that never saw an answer would, with what it has: within the grace that is no theft.
      const { status, body } = await authorization.refresh(token)
      t.equal(status, 200)
      t.ok(await works(origin, body.access_token))
      t.equal((await authorization.refresh(body.refresh_token)).status, 200)
    }
    for (const code of codes) {
      const statuses = [(await authorization.redeem(code)).status, (await authorization.redeem(code)).status]
      t.ok(statuses[1] === 400 && [200, 400].includes(statuses[0] ?? 0), 'a code is good once at most')
    }
  })
})
