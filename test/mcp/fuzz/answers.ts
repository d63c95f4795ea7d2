// Reads HTTP/1.1 answers off a raw connection (RFC 9112), and throws at anything that is not well formed.
export interface Answer {
  status: number
  headers: Record<string, string>
  body: Buffer
  /** The body has arrived in whole. */
  complete: boolean
}

const HEAD_END = Buffer.from('\r\n\r\n')
const LINE_END = Buffer.from('\r\n')
const STATUS_LINE = /^HTTP\/1\.1 ([1-5]\d\d) [\x20-\x7e]*$/
const FIELD_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\x20-\x7e\x80-\xff\t]*)$/

/**
 * Reads every answer in the bytes that have arrived so far; the last one may be incomplete.
 * @param methods of the requests, in order: an answer to HEAD has no body
 * @param closed no more bytes will come, so that a body without a length is complete
 */
export function readAnswers (bytes: Buffer, methods: readonly string[], closed: boolean): Answer[] {
  const answers: Answer[] = []
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(HEAD_END, at)
    if (end === -1) {
      if (!Buffer.from('HTTP/1.1 ').subarray(0, bytes.length - at).equals(bytes.subarray(at, at + 9))) throw new Error(`not the start of an answer: ${show(bytes.subarray(at))}`)
      break
    }
    const answer = { ...readHead(bytes.toString('latin1', at, end)), body: Buffer.alloc(0), complete: true }
    at = end + HEAD_END.length
    if (answer.status < 200) continue
    answers.push(answer)
    const unread = answer.headers.connection === 'close' && !('x-request-id' in answer.headers) // a refusal of what was not even read as HEAD
    if ((methods[answers.length - 1] === 'HEAD' && !unread) || answer.status === 204 || answer.status === 304) continue
    const read = readBody(answer.headers, bytes.subarray(at), closed)
    Object.assign(answer, { body: read.body, complete: read.complete })
    at += read.length
  }
  return answers
}

function readHead (head: string): { status: number, headers: Record<string, string> } {
  const [statusLine = '', ...lines] = head.split('\r\n')
  const status = STATUS_LINE.exec(statusLine)?.[1]
  if (status === undefined) throw new Error(`not a status line: ${JSON.stringify(statusLine)}`)
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const [, name, value] = FIELD_LINE.exec(line) ?? []
    if (name === undefined || value === undefined) throw new Error(`not a header: ${JSON.stringify(line)}`)
    const key = name.toLowerCase()
    const text = value.trimStart()
    headers[key] = key in headers ? `${headers[key]}, ${text}` : text
  }
  return { status: Number(status), headers }
}

interface Body { body: Buffer, length: number, complete: boolean }

function readBody (headers: Record<string, string>, bytes: Buffer, closed: boolean): Body {
  const length = headers['content-length']
  if (headers['transfer-encoding'] === 'chunked') {
    if (length !== undefined) throw new Error('both a length and chunks')
    return readChunks(bytes)
  }
  if (length === undefined) return { body: bytes, length: bytes.length, complete: closed }
  if (!/^\d+$/.test(length)) throw new Error(`not a length: ${length}`)
  const body = bytes.subarray(0, Number(length))
  return { body, length: body.length, complete: body.length === Number(length) }
}

function readChunks (bytes: Buffer): Body {
  const chunks: Buffer[] = []
  const incomplete = (): Body => ({ body: Buffer.concat(chunks), length: bytes.length, complete: false })
  for (let at = 0; ;) {
    const end = bytes.indexOf(LINE_END, at)
    if (end === -1) return incomplete()
    const line = bytes.toString('latin1', at, end)
    if (!/^[0-9a-f]+$/i.test(line)) throw new Error(`not the size of a chunk: ${JSON.stringify(line)}`)
    const [start, size] = [end + 2, Number.parseInt(line, 16)]
    if (bytes.length < start + size + 2) return incomplete()
    if (bytes.toString('latin1', start + size, start + size + 2) !== '\r\n') throw new Error('a chunk does not end where it says')
    if (size === 0) return { body: Buffer.concat(chunks), length: start + 2, complete: true }
    chunks.push(bytes.subarray(start, start + size))
    at = start + size + 2
  }
}

const show = (bytes: Buffer): string => JSON.stringify(bytes.toString('latin1', 0, 200))
