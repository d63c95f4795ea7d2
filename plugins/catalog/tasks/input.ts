// Questions of a task: how they are put to the client, and what becomes of its answers.
import { type InputRequests, type InputRequiredResult, MissingRequiredClientCapabilityError, ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server'
import type { TaskRow } from '../../db/schema.ts'
import type { TaskCarrier } from './carrier.ts'

type Answers = Record<string, unknown>

const CAPABILITY = { 'elicitation/create': 'elicitation', 'sampling/createMessage': 'sampling', 'roots/list': 'roots' } as const

/**
 * The state of a task that has questions. A handler may use a key in every round; a client must never see one twice.
 * @throws ProtocolError when the client cannot answer, or there is nothing to answer
 */
export function ask ({ inputRequests = {}, requestState }: InputRequiredResult, round: number, { clientCapabilities }: TaskCarrier): Partial<TaskRow> {
  const requests = Object.entries(inputRequests)
  if (requests.length === 0) throw new ProtocolError(ProtocolErrorCode.InternalError, 'The tool waits for input, and asks for none')
  for (const [, { method }] of requests) {
    const capability = CAPABILITY[method]
    if (clientCapabilities?.[capability] === undefined) throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { [capability]: {} } }, `The tool asks for input (${method}) that the client has not declared to give`)
  }
  return {
    status: 'input_required',
    rounds: round,
    input_requests: JSON.stringify(Object.fromEntries(requests.map(([key, request]) => [`${key}:${round}`, request]))),
    request_state: requestState ?? null
  }
}

/** What is left to answer, and all answers of this round by the handler's keys; undefined when there is no news. */
export function settle (row: TaskRow, given: Answers): { left: InputRequests, responses: Answers } | undefined {
  if (row.status !== 'input_required') return undefined
  const left: InputRequests = JSON.parse(row.input_requests ?? '{}')
  const responses: Answers = JSON.parse(row.input_responses ?? '{}')
  let news = false
  for (const key of Object.keys(left)) {
    if (!Object.hasOwn(given, key)) continue
    news = true
    responses[key.slice(0, key.lastIndexOf(':'))] = given[key]
    delete left[key]
  }
  return news ? { left, responses } : undefined
}
