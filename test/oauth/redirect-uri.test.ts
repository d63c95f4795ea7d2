import * as fc from 'fast-check'
import t from 'tap'
import { describeRedirect, matchesRedirectUri, redirectUriProblem } from '../../plugins/auth/oauth/clients/redirect-uri.ts'

const port = fc.integer({ min: 1, max: 65_535 })
const loopback = fc.constantFrom('localhost', '127.0.0.1', '127.8.9.10', '[::1]')
const word = fc.stringMatching(/^[a-z0-9-]{1,12}$/)
const rest = fc.tuple(fc.array(word, { maxLength: 3 }), fc.option(word)).map(([path, query]) => `/${path.join('/')}${query === null ? '' : `?a=${query}`}`)
const website = fc.tuple(word, rest).map(([host, rest]) => `https://${host.replaceAll('-', 'x')}.example${rest}`)

t.test('the redirect URIs of real clients may be registered', async t => {
  for (const uri of [
    'https://claude.ai/api/mcp/auth_callback', 'http://localhost:54321/callback', 'https://chatgpt.com/connector_platform_oauth_redirect',
    'http://127.0.0.1:33418/', 'http://127.0.0.1/', 'https://vscode.dev/redirect', 'cursor://anysphere.cursor-mcp/oauth/callback',
    'com.example.app:/oauth', 'claude://mcp/callback', 'vscode://vscode.github-authentication/did-authenticate', 'vscode-insiders://x', 'windsurf://x', 'http://[::1]:8080/cb', 'http://127.0.0.1:6274/oauth/callback?mode=a'
  ]) t.equal(redirectUriProblem(uri), undefined, uri)
})

t.test('a redirect URI that a browser would read as another place, or run, is refused', async t => {
  for (const uri of [
    'http://example.com/cb', 'http://0.0.0.0/cb', 'http://localhost.evil.example/', 'https://user@example.com/', 'https://user:pass@example.com/', 'https://@example.com/',
    'https://example.com/#frag', 'https://example.com/#', 'https://*.example.com/', 'javascript:alert(1)', 'JavaScript://%0aalert(1)', 'data:text/html,x', 'file:///etc/passwd',
    '/relative', '//example.com/x', 'example.com', '', 'https://', 'https://example.com\\@evil.example/', 'https://example.com/a b', 'https://example.com/\r\nset-cookie:x',
    'https://exämple.com/', `https://example.com/${'a'.repeat(2000)}`,
    // URL parsing adds the slashes; a browser reads the first as a path on the server that redirects.
    'https:example.com/cb', 'https:/example.com/cb', 'https:///example.com/cb', 'http:localhost/cb'
  ]) t.type(redirectUriProblem(uri), 'string', JSON.stringify(uri))
  for (const value of [undefined, null, 1, {}, ['https://example.com/']]) t.type(redirectUriProblem(value), 'string')
})

t.test('schemes of programs that take orders from links are refused, unless they are allowed by name', async t => {
  for (const scheme of [
    'ms-msdt', 'search-ms', 'ms-officecmd', 'ms-settings', 'ms-word', 'intent', 'jar', 'shell', 'feed', 'tel', 'sms', 'ssh', 'telnet', 'smb', 'afp', 'vnc', 'ldap', 'market', 'itms-services', 'chrome',
    'chrome-extension', 'moz-extension', 'resource', 'steam', 'zoommtg', 'android-app', 'x-apple-helpbasic', 'mhtml', 'res', 'urn', 'magnet', 'git', 'slack', 'unknownapp', 'cursor2', 'vscode-', '.', 'a.', 'a..b'
  ]) {
    t.match(redirectUriProblem(`${scheme}://callback`), /may not use|absolute/, scheme)
    t.match(redirectUriProblem(`${scheme.toUpperCase()}:callback`), /may not use|absolute/, scheme)
  }
  t.match(redirectUriProblem('feed:javascript:alert(1)'), /may not use/)
  t.equal(redirectUriProblem('unknownapp://callback', ['other', 'unknownapp']), undefined)
  t.equal(redirectUriProblem('UnknownApp://callback', ['unknownapp']), undefined)
  t.match(redirectUriProblem('http://example.com/', ['unknownapp']), /https/, 'which changes nothing else')
})

t.test('what may be registered leads to where the browser goes: reading it as a Location changes nothing', async t => {
  fc.assert(fc.property(fc.oneof(website, fc.webUrl({ withQueryParameters: true }), fc.string(), fc.string().map(tail => `https:${tail}`)), uri => {
    if (redirectUriProblem(uri) !== undefined) return
    const followed = new URL(uri, 'https://this-server.example/oauth/authorize')
    return followed.href === new URL(uri).href && (followed.protocol !== 'http:' || describeRedirect(uri).kind === 'loopback')
  }), { numRuns: 2000 })
})

t.test('a registered redirect URI matches itself', async t => {
  fc.assert(fc.property(website, uri => matchesRedirectUri(uri, uri)))
})

t.test('a loopback redirect URI matches with whichever port', async t => {
  fc.assert(fc.property(loopback, rest, fc.option(port), fc.option(port), (host, rest, registered, requested) => {
    const at = (port: number | null): string => `http://${host}${port === null ? '' : `:${port}`}${rest}`
    return matchesRedirectUri(at(registered), at(requested))
  }))
})

t.test('loopback redirect URIs of another host, path, query or scheme do not match', async t => {
  fc.assert(fc.property(loopback, loopback, rest, rest, port, (hostA, hostB, restA, restB, port) => {
    fc.pre(hostA !== hostB || restA !== restB)
    return !matchesRedirectUri(`http://${hostA}${restA}`, `http://${hostB}:${port}${restB}`)
  }))
  t.notOk(matchesRedirectUri('http://localhost/cb', 'https://localhost:1/cb'))
})

t.test('the port of any other redirect URI counts', async t => {
  fc.assert(fc.property(website, port, (uri, port) => !matchesRedirectUri(uri, uri.replace('.example', `.example:${port}`))))
  t.notOk(matchesRedirectUri('http://foo.localhost/cb', 'http://foo.localhost:1234/cb'))
})

t.test('nothing that is added to or changed in a registered redirect URI matches', async t => {
  fc.assert(fc.property(fc.oneof(website, fc.tuple(loopback, rest).map(([host, rest]) => `http://${host}${rest}`)), fc.string({ minLength: 1 }), fc.nat(), (uri, added, at) => {
    const place = at % (uri.length + 1)
    const changed = uri.slice(0, place) + added + uri.slice(place)
    // Digits or a port in the place of a loopback port are what may differ.
    fc.pre(!/^http:\/\/(?:127[.\d]+(?::\d*)?|(?:localhost|\[::1\]):?\d*)(?:[/?]|$)/.test(changed))
    return changed === uri || !matchesRedirectUri(uri, changed)
  }), { numRuns: 2000 })
})

t.test('tricks with the loopback rule do not match', async t => {
  for (const requested of [
    'http://localhost:80@evil.example/cb', 'http://localhost:1234.evil.example/cb', 'http://localhost.evil.example/cb', 'http://localhost:/cb', 'http://localhost:99999/cb',
    'http://localhost:1\\@evil.example/cb', 'http://localhost:1/cb#x', 'http://LOCALHOST:1/cb', 'http://localhost:1/a/../cb', 'http://localhost:1/cb/', 'http://localhost:1/cb?x=1',
    'http://localhost:1/cb\n', 'http://localhost:+1/cb', 'http://127.0.0.1:1/cb', 'http://user@localhost:1/cb', 'http:localhost/cb', 'http://localhost:1//cb'
  ]) t.notOk(matchesRedirectUri('http://localhost/cb', requested), requested)
  t.notOk(matchesRedirectUri('http://127.0.0.1/cb', 'http://127.0.0.01:1/cb'))
  t.notOk(matchesRedirectUri('http://127.0.0.1/cb', 'http://127.1:1/cb'))
})
