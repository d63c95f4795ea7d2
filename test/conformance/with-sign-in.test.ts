// The official conformance suite against a server with sign-in: it knows no tokens, so a proxy adds one to each request.
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { Authorization } from '../oauth/authorization.ts'
import { run, sets, startFixtures } from './suite.ts'

t.test('the conformance suite, signed in', { jobs: sets.length }, async t => {
  const protectedEndpoint = new URL(await startFixtures(t, { AUTH_MODE: 'oauth' }))
  t.equal((await fetch(protectedEndpoint, { method: 'POST' })).status, 401)
  const { access_token: token } = await new Authorization(protectedEndpoint.origin).tokens()
  const endpoint = await proxy(t, protectedEndpoint, token)
  for (const { name, options, least } of sets) {
    t.test(`passes for ${name}`, async t => {
      const { passed, problems } = await run(t, endpoint, options)
      t.same(problems, [], 'nothing fails, warns or is skipped')
      t.ok(passed >= least, `at least ${least} checks pass`, { passed })
      t.comment(`${passed} checks passed for ${name}`)
    })
  }
})

/** Passes everything on as it is, streams included, with a token. Answers the address of the endpoint behind it. */
async function proxy (t: Test, { hostname, port, pathname }: URL, token: string): Promise<string> {
  const server = createServer((incoming, outgoing) => {
    const passedOn = request({ hostname, port, path: incoming.url, method: incoming.method, headers: { ...incoming.headers, authorization: `Bearer ${token}` } }, answer => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      outgoing.flushHeaders()
      answer.pipe(outgoing)
    })
    incoming.pipe(passedOn)
    passedOn.on('error', () => outgoing.destroy())
    outgoing.on('close', () => passedOn.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close().closeAllConnections())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`
}
