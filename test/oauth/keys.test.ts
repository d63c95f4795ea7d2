// The keys that sign access tokens: either algorithm, published, exchanged for others without anybody noticing, and wrong ones told.
import { createHash, createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { startProcess } from '../process.ts'
import { startServer, temporaryFolder } from '../server.ts'
import { freePort } from '../support/free-port.ts'
import { Authorization, callTool } from './authorization.ts'

const OLD = 'the-secret-of-last-year-with-more-than-32-characters'
const NEW = 'the-secret-of-this-year-with-more-than-32-characters'

const header = (token: string) => JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())

function rsa (folder: string, name: string, bits = 2048) {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: bits })
  const files = { private: path.join(folder, `${name}.pem`), public: path.join(folder, `${name}.pub.pem`) }
  writeFileSync(files.private, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 })
  writeFileSync(files.public, publicKey.export({ type: 'spki', format: 'pem' }))
  return files
}

/** One server after another, at one address and on one database. */
async function restartable (t: Test) {
  const fixed = { AUTH_MODE: 'oauth', MCP_SERVER_PORT: String(await freePort()), AUTH_DB_PATH: path.join(temporaryFolder(t), 'auth.db') }
  let stop = async (): Promise<unknown> => undefined
  return async (env: NodeJS.ProcessEnv) => {
    await stop()
    const server = await startServer(t, { ...fixed, ...env })
    stop = () => server.app.close()
    return server
  }
}

t.test('with a private key, tokens are signed with RS256, and anybody can check them with the published key', async t => {
  const { origin } = await startServer(t, { AUTH_MODE: 'oauth', JWT_PRIVATE_KEY_PATH: rsa(temporaryFolder(t), 'key').private })
  const { access_token: token } = await new Authorization(origin).tokens()
  const { jwks_uri: url } = await (await fetch(`${origin}/.well-known/oauth-authorization-server`)).json() as { jwks_uri: string }
  const { keys } = await (await fetch(url)).json() as { keys: Record<string, string>[] }
  const [jwk = {}] = keys
  t.equal(keys.length, 1)
  t.match(jwk, { kty: 'RSA', use: 'sig', alg: 'RS256', n: String, e: 'AQAB' })
  t.same(Object.keys(jwk).filter(member => ['d', 'p', 'q', 'dp', 'dq', 'qi'].includes(member)), [], 'the private part stays here')
  t.equal(jwk.kid, createHash('sha256').update(`{"e":"${jwk.e}","kty":"RSA","n":"${jwk.n}"}`).digest('base64url'), 'RFC 7638')

  t.match(header(token), { alg: 'RS256', typ: 'at+jwt', kid: jwk.kid })
  const [head, payload, signature = ''] = token.split('.')
  const check = (input: string) => verify('RSA-SHA256', Buffer.from(input), createPublicKey({ key: jwk, format: 'jwk' }), Buffer.from(signature, 'base64url'))
  t.ok(check(`${head}.${payload}`))
  t.notOk(check(`${head}.${payload}x`))
  t.equal((await callTool(origin, token)).status, 200)
})

t.test('with a secret, no key is published', async t => {
  const { origin } = await startServer(t, { AUTH_MODE: 'oauth' })
  t.same(await (await fetch(`${origin}/.well-known/jwks.json`)).json(), { keys: [] })
})

t.test('keys are exchanged while tokens of the old one go on', async t => {
  const folder = temporaryFolder(t)
  const [first, second] = [rsa(folder, 'first'), rsa(folder, 'second')]
  const changes: [string, NodeJS.ProcessEnv, NodeJS.ProcessEnv, NodeJS.ProcessEnv][] = [
    ['one secret for another', { JWT_SECRET_KEY: OLD }, { JWT_SECRET_KEY: NEW }, { JWT_PREVIOUS_SECRET_KEYS: OLD }],
    ['a secret for a key (HS256 to RS256)', { JWT_SECRET_KEY: OLD }, { JWT_PRIVATE_KEY_PATH: first.private }, { JWT_PREVIOUS_SECRET_KEYS: OLD }],
    ['one key for another', { JWT_PRIVATE_KEY_PATH: first.private }, { JWT_PRIVATE_KEY_PATH: second.private }, { JWT_PREVIOUS_KEY_PATHS: first.private }],
    ['a key for a secret (RS256 to HS256)', { JWT_PRIVATE_KEY_PATH: first.private }, { JWT_SECRET_KEY: NEW }, { JWT_PREVIOUS_KEY_PATHS: first.public }]
  ]
  for (const [what, before, after, overlap] of changes) {
    await t.test(what, async t => {
      const restart = await restartable(t)
      const { origin } = await restart(before)
      const authorization = await new Authorization(origin).register()
      const old = await authorization.tokens()

      await restart({ ...after, ...overlap })
      t.equal((await callTool(origin, old.access_token)).status, 200, 'during the overlap')
      const { body: next } = await authorization.refresh(old.refresh_token)
      t.not(header(next.access_token).kid, header(old.access_token).kid, 'new tokens have the new key')

      await restart(after)
      t.equal((await callTool(origin, old.access_token)).status, 401, 'after it')
      t.equal((await callTool(origin, next.access_token)).status, 200)
      t.equal((await authorization.refresh(next.refresh_token)).status, 200, 'and nobody had to sign in')
    })
  }

  await t.test('both keys are published meanwhile, each once', async t => {
    const { origin } = await startServer(t, { AUTH_MODE: 'oauth', JWT_PRIVATE_KEY_PATH: second.private, JWT_PREVIOUS_KEY_PATHS: [first.public, second.public].join(',') })
    const { keys } = await (await fetch(`${origin}/.well-known/jwks.json`)).json() as { keys: { kid: string }[] }
    t.equal(new Set(keys.map(key => key.kid)).size, 2)
    t.equal(keys.length, 2)
    t.equal(header((await new Authorization(origin).tokens()).access_token).kid, keys[0]?.kid, 'the one that signs comes first')
  })
})

t.test('a key that cannot be used stops the start with a line that says why', async t => {
  const folder = temporaryFolder(t)
  const write = (name: string, text: string | Buffer) => {
    writeFileSync(path.join(folder, name), text, { mode: 0o600 })
    return path.join(folder, name)
  }
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256', privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } })
  const locked = generateKeyPairSync('rsa', { modulusLength: 2048, privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }, publicKeyEncoding: { type: 'spki', format: 'pem' } })
  const good = rsa(folder, 'good')
  const cases: [string, NodeJS.ProcessEnv, RegExp][] = [
    ['missing', { JWT_PRIVATE_KEY_PATH: path.join(folder, 'none.pem') }, /^JWT_PRIVATE_KEY_PATH: .*none\.pem cannot be used: there is no such file$/],
    ['a folder', { JWT_PRIVATE_KEY_PATH: folder }, /EISDIR/],
    ['no PEM', { JWT_PRIVATE_KEY_PATH: write('text', 'hello') }, /it is no key in PEM/],
    ['a public key', { JWT_PRIVATE_KEY_PATH: good.public }, /it is no key in PEM/],
    ['an EC key', { JWT_PRIVATE_KEY_PATH: write('ec.pem', ec.privateKey) }, /it is no RSA key of at least 2048 bits$/],
    ['a short key', { JWT_PRIVATE_KEY_PATH: rsa(folder, 'short', 1024).private }, /it is no RSA key of at least 2048 bits$/],
    ['a key with a passphrase', { JWT_PRIVATE_KEY_PATH: write('locked.pem', locked.privateKey) }, /cannot be used: .*passphrase/i],
    ['a previous key that is missing', { JWT_PREVIOUS_KEY_PATHS: `${good.public},${path.join(folder, 'none.pem')}` }, /^JWT_PREVIOUS_KEY_PATHS: .*none\.pem/],
    ['a previous secret that is too short', { JWT_PREVIOUS_SECRET_KEYS: `${OLD},short` }, /^JWT_PREVIOUS_SECRET_KEYS: /]
  ]
  for (const [what, env, expected] of cases) {
    const error = await startServer(t, { AUTH_MODE: 'oauth', ...env }).then(() => undefined, (thrown: Error) => thrown) as { problems?: string[] } | undefined
    t.match(error?.problems, [expected], what)
    t.notMatch(error?.problems?.join(), /PRIVATE KEY|\bhello\b|\bshort\b(?!\.pem)/, `${what}: and shows nothing of it`)
  }
  const { ended, output } = await startProcess(t, { JWT_PRIVATE_KEY_PATH: path.join(folder, 'ec.pem') })
  t.equal(await ended, 78)
  t.match(output.stderr, /^mcpx: JWT_PRIVATE_KEY_PATH: [^\n]*2048 bits\n$/)
  t.match(readFileSync(good.private, 'utf8'), /^-----BEGIN RSA PRIVATE KEY/, 'either form of PEM is good')
})
