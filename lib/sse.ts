// Server-sent events (WHATWG HTML, section 9.2), as MCP uses them: they are written and read here alone.

export const SSE_HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' } as const

/** A message, which is JSON already, as an event. */
export const sseEvent = (json: string): string => `event: message\ndata: ${json}\n\n`

/** What clients take no notice of: it opens a stream, and keeps it open. */
export const sseComment = (text: string): string => `: ${text}\n\n`

/** Whether a Content-Type is that of a stream of events. */
export const isEventStream = (type: unknown): boolean => typeof type === 'string' && type.startsWith('text/event-stream')

/** An event, or a comment. */
export interface SseEvent { readonly id?: string, readonly retry?: string, readonly comment?: string, readonly data?: string }

/** The events in a part of a stream that begins with one; `rest` is what has not come in whole. */
export function parseSse (text: string): { readonly events: SseEvent[], readonly rest: string } {
  const blocks = text.split(/\r\n\r\n|\n\n|\r\r/)
  const rest = blocks.pop() ?? ''
  return { events: blocks.map(eventOf), rest }
}

/** What a whole stream says: the data of each event that has any. */
export const sseData = (text: string): string[] => parseSse(text).events.flatMap(({ data }) => data ? [data] : [])

function eventOf (block: string): SseEvent {
  const event: { -readonly [K in keyof SseEvent]: string } = {}
  for (const line of block.split(/\r\n|\n|\r/)) {
    const colon = line.includes(':') ? line.indexOf(':') : line.length
    const field = line.slice(0, colon)
    const value = line.slice(colon + 1).replace(/^ /, '')
    if (field === '') event.comment = value
    else if (field === 'id' || field === 'retry') event[field] = value
    else if (field === 'data') event.data = event.data === undefined ? value : `${event.data}\n${value}`
  }
  return event
}
