// Calls the server as a client would, through nginx and TLS: discovery, the challenge, and with a token for one minute a call.
// The name is not looked up: nginx is on this machine, and a router in between may not lead back to it.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { loadKeys } from '../plugins/auth/oauth/grants/keys.ts'
import { TOOLS_SCOPE } from '../plugins/auth/scope.ts'
import { readConfig } from '../plugins/config.ts'
import { now } from '../lib/clock.ts'
import { sseData } from '../lib/sse.ts'
import { makeDataFolder, openSecret } from '../plugins/secrets.ts'

const TIMEOUT_MS = 10_000
const TOKEN_SECONDS = 60

const { values: { trust, connect } } = parseArgs({ options: { trust: { type: 'string' }, connect: { type: 'string', default: '127.0.0.1' } } })
const config = readConfig()
const url = new URL(config.MCP_PATH, config.PUBLIC_URL)
const ca = trust === undefined ? undefined : readFileSync(trust)

try {
  console.log(await check())
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}

async function check (): Promise<string> {
  const token = config.AUTH_MODE === 'oauth' ? await checkSignIn() : undefined
  const { status, body } = await ask(config.MCP_PATH, { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }, token)
  if (status !== 200) throw new Error(`${url} answers a call with ${status}: ${body.slice(0, 200)}`)
  const answer = sseData(body).at(-1) ?? body // an event, or plain JSON
  const tools = JSON.parse(answer).result?.tools
  if (!Array.isArray(tools)) throw new Error(`${url} does not answer as an MCP server: ${body.slice(0, 200)}`)
  return `${url} serves ${tools.length} tools`
}

/** Follows what a client is told that has no token, and makes one. */
async function checkSignIn (): Promise<string> {
  const { status, headers } = await ask(config.MCP_PATH, {})
  const metadata = /resource_metadata="([^"]+)"/.exec(headers['www-authenticate'] ?? '')?.[1]
  if (status !== 401 || metadata === undefined) throw new Error(`${url} answers ${status} where a client without a token has to be told how to sign in`)
  for (const address of [metadata, new URL('/.well-known/oauth-authorization-server', config.PUBLIC_URL).href]) {
    const { status, body } = await ask(new URL(address).pathname)
    if (status !== 200 || !body.includes(config.PUBLIC_URL)) throw new Error(`${address} answers ${status}: clients find there where to sign in`)
  }
  const secret = openSecret(makeDataFolder(config), config.JWT_SECRET_KEY)
  return loadKeys(config, secret, config.PUBLIC_URL, url.href).sign({
    iss: config.PUBLIC_URL, sub: 'setup', aud: url.href, client_id: 'setup', scope: TOOLS_SCOPE, jti: randomUUID(), gid: randomUUID(), iat: now(), exp: now() + TOKEN_SECONDS
  })
}

async function ask (path: string, message?: object, token?: string): Promise<{ status: number, headers: NodeJS.Dict<string>, body: string }> {
  return await new Promise((resolve, reject) => {
    const { hostname, port, host } = url
    const sent = request({
      host: connect, servername: hostname, port: port || 443, path, agent: false, timeout: TIMEOUT_MS,
      ...(ca !== undefined && { ca, allowPartialTrustChain: true }),
      method: message === undefined ? 'GET' : 'POST',
      headers: { host, accept: 'application/json, text/event-stream', ...(message && { 'content-type': 'application/json' }), ...(token && { authorization: `Bearer ${token}` }) }
    }, response => {
      text(response).then(body => resolve({ status: response.statusCode ?? 0, headers: response.headers as NodeJS.Dict<string>, body }), reject)
    })
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)))
    sent.on('error', error => reject(new Error(`${url.origin}${path} cannot be reached on ${connect}: ${error.message}`)))
    sent.end(message && JSON.stringify(message))
  })
}
