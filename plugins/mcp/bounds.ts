// How much a message may name: what is longer or more than this nobody has, and looking it up takes the longer the more there is.

const MOST_METHOD_CHARACTERS = 256
/** Of an id, a name, a token: also of what clients make up themselves. */
const MOST_NAME_CHARACTERS = 1024
/** RFC 9110 section 4.1 recommends 8,000 octets at least for a URI. */
const MOST_URI_CHARACTERS = 8192
const MOST_SUBSCRIPTIONS = 1000
/** Requests that came together are begun together, before anybody else has a turn. */
const MOST_MESSAGES = 50
/** Shorter than this, a body cannot be beyond any bound. */
export const SMALL_BODY = MOST_METHOD_CHARACTERS

type Params = Partial<Record<string, any>>

/**
 * What of a body is too long, or too many; undefined when nothing is. Whether it is a message at all, the lanes judge.
 * @param mostTasks as many as a caller may have
 */
export function excess (body: unknown, mostTasks: number): string | undefined {
  if (Array.isArray(body)) {
    if (body.length > MOST_MESSAGES) return `a batch may hold at most ${MOST_MESSAGES} messages`
    for (const message of body) {
      const problem = excessOf(message, mostTasks)
      if (problem !== undefined) return problem
    }
    return undefined
  }
  return excessOf(body, mostTasks)
}

function excessOf (message: unknown, mostTasks: number): string | undefined {
  const { id, method, params } = (message ?? {}) as Params
  const { name, uri, cursor, taskId, requestId, notifications, ref, argument, _meta } = (params ?? {}) as Params
  return longer('id', id, MOST_NAME_CHARACTERS) ??
    longer('method', method, MOST_METHOD_CHARACTERS) ??
    longer('params.name', name, MOST_NAME_CHARACTERS) ??
    longer('params.uri', uri, MOST_URI_CHARACTERS) ??
    longer('params.cursor', cursor, MOST_URI_CHARACTERS) ??
    longer('params.taskId', taskId, MOST_NAME_CHARACTERS) ??
    longer('params.requestId', requestId, MOST_NAME_CHARACTERS) ??
    longer('params.ref.name', ref?.name, MOST_NAME_CHARACTERS) ??
    longer('params.ref.uri', ref?.uri, MOST_URI_CHARACTERS) ??
    longer('params.argument.name', argument?.name, MOST_NAME_CHARACTERS) ??
    longer('params._meta.progressToken', _meta?.progressToken, MOST_NAME_CHARACTERS) ??
    more('params.notifications.taskIds', notifications?.taskIds, mostTasks, MOST_NAME_CHARACTERS) ??
    more('params.notifications.resourceSubscriptions', notifications?.resourceSubscriptions, MOST_SUBSCRIPTIONS, MOST_URI_CHARACTERS)
}

function longer (what: string, value: unknown, most: number): string | undefined {
  return typeof value === 'string' && value.length > most ? `${what} may have at most ${most} characters` : undefined
}

function more (what: string, list: unknown, most: number, mostCharacters: number): string | undefined {
  if (!Array.isArray(list)) return undefined
  if (list.length > most) return `${what} may hold at most ${most}`
  return list.some(item => typeof item === 'string' && item.length > mostCharacters) ? `each of ${what} may have at most ${mostCharacters} characters` : undefined
}
