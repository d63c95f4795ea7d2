// An HTTPS server on loopback that stands for the site of a client: its certificate is trusted by this process unless said otherwise.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import tls from 'node:tls'
import type { Test } from 'tap'
import { temporaryFolder } from '../server.ts'

export type Answer = (response: ServerResponse, request: IncomingMessage) => void

export interface DocumentHost {
  /** `localhost:port` */
  host: string
  port: number
  origin: string
  /** What is answered at a path. */
  answers: Map<string, Answer>
  /** Paths that were asked for. */
  requests: string[]
}

/** Starts it on a free port; it stops when the test ends. The certificate is for localhost, 127.0.0.1 and rebinding.example. */
export async function startDocumentHost (t: Test, { trusted = true } = {}): Promise<DocumentHost> {
  const answers = new Map<string, Answer>()
  const requests: string[] = []
  const server = createServer(certificate(t, trusted), (request, response) => {
    requests.push(request.url ?? '')
    const answer = answers.get(request.url ?? '')
    if (answer === undefined) response.writeHead(404, { 'content-type': 'application/json' }).end('{}')
    else answer(response, request)
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { server.closeAllConnections(); server.close() })
  const { port } = server.address() as AddressInfo
  return { host: `localhost:${port}`, port, origin: `https://localhost:${port}`, answers, requests }
}

/** Answers with JSON. */
export const json = (value: unknown, headers: Record<string, string> = {}): Answer => response => {
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(typeof value === 'string' ? value : JSON.stringify(value))
}

function certificate (t: Test, trusted: boolean): { key: Buffer, cert: Buffer } {
  const folder = temporaryFolder(t)
  const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost,DNS:rebinding.example,IP:127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'ignore' })
  if (!trusted) return { key: readFileSync(key), cert: readFileSync(cert) }
  const before = tls.getCACertificates('default')
  tls.setDefaultCACertificates([...before, readFileSync(cert, 'utf8')])
  t.teardown(() => tls.setDefaultCACertificates(before))
  return { key: readFileSync(key), cert: readFileSync(cert) }
}
