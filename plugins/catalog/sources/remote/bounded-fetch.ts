// fetch for servers whose answers may have no end: an answer may be as long as a message may, and a stream as long as it likes,
// but for each of its events.

/** @param most bytes of an answer, or of one event of a stream */
export function boundedFetch (most: number): typeof fetch {
  return async (input, init) => {
    const headers = new Headers(init?.headers)
    headers.set('accept-encoding', 'identity') // what is compressed may be a thousand times as long as it looks
    const response = await fetch(input, { ...init, headers })
    if (response.body === null || (response.status >= 300 && response.status < 400)) return response
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true
    const body = response.body.pipeThrough(isStream ? eachEventBounded(most) : allBounded(most))
    const { status, statusText } = response
    const bounded = new Response(body, { status, statusText, headers: response.headers })
    Object.defineProperties(bounded, { url: { value: response.url }, redirected: { value: response.redirected } })
    return bounded
  }
}

const tooLong = (most: number): Error => new Error(`it sent a message of more than ${most} bytes`)

function allBounded (most: number): TransformStream<Uint8Array, Uint8Array> {
  let seen = 0
  return new TransformStream({
    transform (chunk, controller) {
      seen += chunk.length
      if (seen > most) controller.error(tooLong(most))
      else controller.enqueue(chunk)
    }
  })
}

const [NEWLINE, RETURN] = [0x0a, 0x0d]

/** An empty line ends an event. */
function eachEventBounded (most: number): TransformStream<Uint8Array, Uint8Array> {
  let seen = 0
  let last = 0
  return new TransformStream({
    transform (chunk, controller) {
      // What ends an event ends a chunk most of the time: the bytes in between need no look.
      let end = chunk.lastIndexOf(NEWLINE)
      while (end > 0 && chunk[end - 1] !== NEWLINE && !(chunk[end - 1] === RETURN && chunk[end - 2] === NEWLINE)) end = chunk.lastIndexOf(NEWLINE, end - 1)
      const ends = end > 0 || (end === 0 && last === NEWLINE)
      seen = ends ? chunk.length - end : seen + chunk.length
      last = chunk.at(-1) ?? last
      if (seen > most) controller.error(tooLong(most))
      else controller.enqueue(chunk)
    }
  })
}
