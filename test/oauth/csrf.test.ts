import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import t from 'tap'
import { formToken, isFormToken, isSameOrigin } from '../../plugins/accounts/csrf.ts'

const KEY = randomBytes(32)
const QUERY = 'client_id=c&state=s'

t.test('a form token is good for one browser, one request and one server', async t => {
  const token = formToken(KEY, 'cookie', QUERY)
  t.ok(isFormToken(KEY, 'cookie', QUERY, token))
  t.notOk(isFormToken(KEY, 'another cookie', QUERY, token))
  t.notOk(isFormToken(KEY, undefined, QUERY, token), 'without a cookie')
  t.notOk(isFormToken(KEY, 'cookie', `${QUERY}&scope=mcp`, token), 'another request')
  t.notOk(isFormToken(randomBytes(32), 'cookie', QUERY, token), 'another server')
  for (const given of [undefined, '', 'x', token.slice(1), `${token}a`, [token], 'é'.repeat(43)]) t.notOk(isFormToken(KEY, 'cookie', QUERY, given), JSON.stringify(given))
})

t.test('property: two different pairs of cookie and request have different tokens', async t => {
  const text = fc.string({ maxLength: 12 })
  fc.assert(fc.property(text, text, text, text, (cookie, query, otherCookie, otherQuery) =>
    (cookie === otherCookie && query === otherQuery) || formToken(KEY, cookie, query) !== formToken(KEY, otherCookie, otherQuery)))
  t.not(formToken(KEY, 'ab', 'c'), formToken(KEY, 'a', 'bc'))
})

t.test('a post is taken from pages of this server, and from what sends no such headers', async t => {
  const url = 'https://mcp.example.com'
  t.ok(isSameOrigin({}, url))
  t.ok(isSameOrigin({ origin: url, 'sec-fetch-site': 'same-origin' }, url))
  t.ok(isSameOrigin({ origin: url }, url))
  for (const headers of [
    { origin: 'https://evil.example.com' }, { origin: 'null' }, { origin: 'http://mcp.example.com' }, { origin: `${url}.evil.com` },
    { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { 'sec-fetch-site': 'none' },
    { origin: url, 'sec-fetch-site': 'cross-site' }
  ]) t.notOk(isSameOrigin(headers, url), JSON.stringify(headers))
})
