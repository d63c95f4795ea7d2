// A stand-in for the way out: a proxy on loopback, behind which every host has a document of a client at every address.
// The real internet is never asked, so that results are the same wherever the test bench runs.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import path from 'node:path'
import { createServer as createSecureServer } from 'node:https'

/** Hosts that clients name in documents of themselves. */
const HOSTS = ['claude.ai', 'chatgpt.com', 'openai.com', 'auth.openai.com', 'vscode.dev', 'localhost']

export interface Internet { proxy: string, certificate: string, asked: string[] }

/** Undefined where openssl is not installed. */
export async function startInternet (folder: string): Promise<Internet | undefined> {
  const [key, certificate] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')]
  try {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
      '-addext', `subjectAltName=${HOSTS.map(host => `DNS:${host}`).join(',')}`, '-keyout', key, '-out', certificate], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  const asked: string[] = []
  const site = createSecureServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (request, response) => {
    const url = `https://${request.headers.host?.replace(/:443$/, '')}${request.url}`
    asked.push(url)
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(documentOf(url)))
  })
  const proxy = createServer()
  proxy.on('connect', (_request: IncomingMessage, socket: Socket) => {
    socket.on('error', () => socket.destroy())
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
    site.emit('connection', socket)
  })
  await new Promise<void>(resolve => { proxy.listen(0, '127.0.0.1', resolve) })
  proxy.unref()
  return { proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, certificate, asked }
}

/** As the documents of clients on a person's own machine are: any port of loopback, and no secret. */
function documentOf (url: string): object {
  const paths = ['/callback', '/oauth/callback', '/auth/callback', '/']
  return {
    client_id: url,
    client_name: `A client of ${new URL(url).host}`,
    redirect_uris: ['http://localhost', 'http://127.0.0.1'].flatMap(origin => paths.map(path => origin + path)),
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none'
  }
}
