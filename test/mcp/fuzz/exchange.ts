// Sends a pipeline over a socket of its own, and says what is wrong with what comes back.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { type Answer, readAnswers } from './answers.ts'
import { type Pipeline, SESSION, type WildRequest } from './requests.ts'

const ANSWERED_WITHIN_MS = 5000
// A stack trace, or where the code is.
const INSIDES = /\n[ \t]+at |node_modules|file:\/\/\/\w|\.[mc]?[jt]s:\d|\/plugins\/|SQLITE/

export interface Target {
  port: number
  path: string
  /** The session that was opened last. */
  session: string
}

/**
 * Sends a pipeline and checks every answer; the connection is closed when it returns.
 * @param withinMs how long an answer may take
 * @throws when an answer is missing, late, not well formed, an error of the server's, or tells of its insides
 */
export async function exchange (target: Target, pipeline: Pipeline, withinMs = ANSWERED_WITHIN_MS): Promise<Answer[]> {
  const { requests, stopsAt } = pipeline
  const methods = requests.map(request => request.method)
  // Where the framing is wrong, what is a request and what is not is for the server to say.
  const framed = stopsAt === undefined && requests.every(isFramed)
  const { bytes, closed } = await converse(target, pipeline, withinMs, received => {
    const answers = readAnswers(received, methods, false)
    const last = answers.at(-1)
    const listening = last !== undefined && !last.complete && last.body.length > 0 && maySubscribe(requests[answers.length - 1])
    return framed && (listening || (answers.length === requests.length && last?.complete === true))
  })
  const answers = readAnswers(bytes, methods, closed)
  for (const answer of answers) {
    check(answer)
    const { 'mcp-session-id': session } = answer.headers
    if (session !== undefined) target.session = session
  }
  if (framed && closed) {
    const last = answers.at(-1)
    assert(last?.complete, 'the connection ended without an answer in whole')
    assert(answers.length === requests.length || last.headers.connection === 'close', 'the connection ended without notice')
  }
  return answers
}

// Nor after a request to upgrade: Node answers it, and does not read what was sent right behind it.
const isFramed = ({ framing, method, body, headers }: WildRequest): boolean => !headers.some(([name]) => name === 'upgrade') && (framing === 'length' || framing === 'chunked' || (framing === 'none' && body.length === 0 && method !== 'POST'))

/** Whether an answer may stay open: a stream to listen to. */
const maySubscribe = (request?: WildRequest): boolean => request?.method === 'GET' || request?.body.includes('subscriptions/listen') === true

async function converse (target: Target, { requests, cuts, stopsAt }: Pipeline, withinMs: number, enough: (received: Buffer) => boolean): Promise<{ bytes: Buffer, closed: boolean }> {
  const all = Buffer.concat(requests.map(request => encode(request, target)))
  const sent = stopsAt === undefined ? all : all.subarray(0, Math.floor(stopsAt * all.length))
  const edges = [0, ...cuts.map(cut => Math.floor(cut * sent.length)).sort((a, b) => a - b), sent.length]
  const halfClose = stopsAt !== undefined || !requests.every(isFramed)
  return await new Promise((resolve, reject) => {
    const socket = connect(target.port, '127.0.0.1').setNoDelay()
    let received: Buffer = Buffer.alloc(0)
    const timer = setTimeout(() => end(new Error(`no answer within ${withinMs} ms; so far: ${received.toString('latin1', 0, 2000)}`)), withinMs)
    const end = (error?: unknown, closed = false): void => {
      clearTimeout(timer)
      socket.destroy()
      if (error === undefined) resolve({ bytes: received, closed })
      else reject(error)
    }
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      try {
        if (enough(received)) end()
      } catch (error) { end(error) }
    })
    socket.on('close', () => end(undefined, true))
    socket.on('error', () => end(undefined, true)) // the server may end a connection that it cannot read; what it answered counts
    const write = (index: number): void => {
      if (index === edges.length - 1) {
        if (halfClose) socket.end()
        return
      }
      socket.write(sent.subarray(edges[index], edges[index + 1]), () => setImmediate(write, index + 1))
    }
    write(0)
  })
}

function encode ({ method, path, headers, body, framing }: WildRequest, target: Target): Buffer {
  const own: [string, string][] = []
  if (framing === 'length' && (body.length > 0 || method === 'POST')) own.push(['content-length', String(body.length)])
  if (framing === 'too long') own.push(['content-length', String(body.length + 5)])
  if (framing === 'too short') own.push(['content-length', String(Math.max(0, body.length - 5))])
  if (framing === 'both') own.push(['content-length', String(body.length)])
  const chunked = framing === 'chunked' || framing === 'both'
  if (chunked) own.push(['transfer-encoding', 'chunked'])
  const lines = [...headers, ...own].map(([name, value]) => `${name}: ${value === SESSION ? target.session : value}\r\n`)
  return Buffer.concat([Buffer.from(`${method} ${target.path}${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'), chunked ? inChunks(body) : body])
}

function inChunks (body: Buffer): Buffer {
  const half = Math.ceil(body.length / 2)
  const chunks = [body.subarray(0, half), body.subarray(half)].filter(chunk => chunk.length > 0)
  return Buffer.concat([...chunks.flatMap(chunk => [Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]), Buffer.from('0\r\n\r\n')])
}

function check ({ status, headers, body, complete }: Answer): void {
  const text = body.toString()
  const what = `${status} ${text.slice(0, 500)}`
  assert(status < 500, what)
  assert(!INSIDES.test(text), `tells of its insides: ${what}`)
  const type = headers['content-type'] ?? ''
  if (type.startsWith('text/event-stream')) return checkEvents(text)
  if (!complete) return
  if (body.length === 0) return void assert(status === 202 || status === 204 || status === 200 || status >= 400, `empty: ${status}`)
  assert.match(type, /^application\/json/, what)
  const answer: unknown = JSON.parse(text)
  if (isPlain({ status, headers, body, complete })) return
  checkMessages(answer)
}

/** What HTTP itself refuses, or another method or path than the endpoint has, never gets as far as JSON-RPC. */
function isPlain ({ status, body }: Answer): boolean {
  return [400, 403, 404, 408, 415, 431].includes(status) && typeof JSON.parse(body.toString()).error === 'string'
}

function checkEvents (text: string): void {
  for (const event of text.split('\n\n').slice(0, -1)) {
    for (const line of event.split('\n')) {
      assert.match(line, /^(?:|event|data|id|retry):/)
      if (line.startsWith('data: ') && line !== 'data: ') checkMessages(JSON.parse(line.slice(6)))
    }
  }
}

function checkMessages (value: unknown): void {
  for (const message of [value].flat()) {
    const { jsonrpc, id, method, result, error } = message as Record<string, any>
    assert.equal(jsonrpc, '2.0', JSON.stringify(value))
    if (method !== undefined) assert.equal(typeof method, 'string')
    else if (error !== undefined) assert(Number.isInteger(error.code) && typeof error.message === 'string' && result === undefined, JSON.stringify(value))
    else assert(typeof result === 'object' && result !== null && ['string', 'number'].includes(typeof id), JSON.stringify(value))
    if (error !== undefined) assert.notEqual(error.code, -32603, `an internal error: ${JSON.stringify(value)}`)
  }
}
