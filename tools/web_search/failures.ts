// Every way in which a search can fail, in words for the caller. OpenAI's own messages stay in the log: they quote keys.
import type { APIError } from 'openai'
import { retryAfterSeconds } from '../../lib/retry-after.ts'

/** Why there are no results, in words for the caller. */
export class SearchError extends Error {
  override readonly name = 'SearchError'
}

const REFUSED = 'OpenAI declined this search'

/** For an answer with an HTTP status. */
export function ofStatus (error: APIError, model: string): SearchError {
  const { status, code, type } = error
  const options = { cause: error }
  switch (status) {
    case 401: return new SearchError('OpenAI does not accept the API key; the operator of this server has to check OPENAI_API_KEY', options)
    case 403: return new SearchError('OpenAI does not allow this API key to search; the operator of this server has to check its permissions and region', options)
    case 404: return new SearchError(`OpenAI has no model "${model}" for this API key; the operator of this server has to check OPENAI_MODEL and OPENAI_BASE_URL`, options)
  }
  if (status === undefined || status === 429) return ofCode(code ?? type, options, retryAfter(error))
  if (status >= 500) return new SearchError(`OpenAI has a failure of its own (HTTP ${status}); try again in a few minutes`, options)
  return code === 'content_policy_violation' || code === 'invalid_prompt'
    ? ofCode(code, options)
    : new SearchError(`OpenAI refused the request (HTTP ${status}); the operator of this server finds the reason in its log and may have to check OPENAI_MODEL`, options)
}

/** For an error that is reported inside an answer or a stream, and for a 429, which has two meanings. */
export function ofCode (code: string | null | undefined, options: ErrorOptions, wait = 'in a minute'): SearchError {
  switch (code) {
    case 'insufficient_quota':
    case 'credit_balance_exhausted':
    case 'billing_hard_limit_reached':
      return new SearchError('The OpenAI quota of this server is used up; its operator has to check plan and billing', options)
    case 'rate_limit_exceeded':
    case 'rate_limit_error':
    case 'requests':
    case 'tokens':
    case 'slow_down':
      return new SearchError(`OpenAI is limiting requests; try again ${wait}`, options)
    case 'invalid_prompt':
    case 'content_policy_violation':
    case 'bio_policy':
    case 'misalignment_policy_violation':
      return new SearchError(`${REFUSED}: the query is against its usage policies`, options)
    default:
      return (options.cause as { status?: number } | undefined)?.status === 429
        ? new SearchError(`OpenAI is limiting requests; try again ${wait}`, options)
        : new SearchError('OpenAI could not finish the search; try again in a moment', options)
  }
}

/** For an answer in which the model says no. */
export function refusal (reason: string): SearchError {
  const line = reason.replace(/[\p{C}\s]+/gu, ' ').trim().slice(0, 300)
  return new SearchError(line === '' ? REFUSED : `${REFUSED}: ${line}`)
}

function retryAfter ({ headers }: APIError): string | undefined {
  const milliseconds = Number(headers?.get('retry-after-ms') ?? Number.NaN)
  const seconds = milliseconds > 0 ? Math.ceil(milliseconds / 1000) : retryAfterSeconds(headers)
  return seconds === undefined ? undefined : `in ${seconds} s`
}
