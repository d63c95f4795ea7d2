// A stand-in for a service on the internet: a real HTTP server that answers as documented, or goes wrong as services do.
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'

export interface Seen { method: string, url: URL, headers: IncomingHttpHeaders, body: string }
export type Answer = (res: ServerResponse, seen: Seen) => void

export interface Upstream {
  origin: string
  /** Requests so far, in order. */
  seen: Seen[]
  /** Waits until a request is given up by its caller before it is answered. */
  abandoned: () => Promise<void>
  /** Answers every request like this from now on; without an argument, as documented again. */
  become: (answer?: Answer) => void
}

/** Starts a service that stops when the test ends. */
export async function startUpstream (t: Test, documented: Answer): Promise<Upstream> {
  const seen: Seen[] = []
  let answer = documented
  const abandoned = Promise.withResolvers<void>()
  const server = createServer((req, res) => { void serve(req, res) })
  async function serve (req: IncomingMessage, res: ServerResponse): Promise<void> {
    res.on('close', () => { if (!res.writableFinished) abandoned.resolve() })
    const request = { method: req.method ?? '', url: new URL(req.url ?? '/', 'http://upstream'), headers: req.headers, body: await text(req) }
    seen.push(request)
    answer(res, request)
  }
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise<void>(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  }))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    abandoned: () => abandoned.promise,
    become: (next = documented) => { answer = next }
  }
}

export const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Answer => res => {
  res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

/** A maintenance page where JSON was expected. */
export const html: Answer = res => { res.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Down for maintenance</title>') }

/** JSON that ends in the middle, in a response that does not. */
export const truncated: Answer = res => { res.writeHead(200, { 'content-type': 'application/json' }).end('{"properties":{"gridId":"OK') }

/** The connection is cut after the head and a part of the body. */
export const reset: Answer = res => {
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
  res.write('{"pro', () => res.socket?.resetAndDestroy())
}

/** Nothing, for as long as the caller waits. */
export const silent: Answer = () => {}

/** The same answer, but later. */
export const later = (ms: number, answer: Answer): Answer => (res, seen) => {
  const timer = setTimeout(() => answer(res, seen), ms)
  res.on('close', () => clearTimeout(timer))
}
