// The official conformance suite against a server without sign-in.
import t from 'tap'
import { run, sets, startFixtures } from './suite.ts'

t.test('the conformance suite', { jobs: sets.length }, async t => {
  const endpoint = await startFixtures(t, { AUTH_MODE: 'noauth' })
  for (const { name, options, least } of sets) {
    t.test(`passes for ${name}`, async t => {
      const { passed, problems } = await run(t, endpoint, options)
      t.same(problems, [], 'nothing fails, warns or is skipped')
      t.ok(passed >= least, `at least ${least} checks pass`, { passed })
      t.comment(`${passed} checks passed for ${name}`)
    })
  }
})
