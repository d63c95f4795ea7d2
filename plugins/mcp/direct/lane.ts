// The direct lane: the well-formed common case, answered on Fastify itself, because the SDK's plumbing costs many times the
// work of a call. It never says no. What is not exactly the common case goes to the SDK lane before anything has run; what
// a handler came to and is not a plain result goes there to be shaped, and the handler is not run again.
import { CLIENT_CAPABILITIES_META_KEY, type CallToolResult, type ClientCapabilities, SERVER_INFO_META_KEY } from '@modelcontextprotocol/server'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Answer, callTool } from '../../catalog/calls/call.ts'
import { SHUTDOWN } from '../../catalog/calls/call-scope.ts'
import type { RegisteredTool } from '../../catalog/registered.ts'
import type { Era } from '../../catalog/contract.ts'
import { askedOf } from '../asked.ts'
import { Exchange, type ExchangeSource } from './exchange.ts'
import { Lists } from './lists.ts'
import { type CommonRequest, eraOfCommonCase } from './request.ts'
import { getPrompt, readResource } from '../../catalog/calls/read.ts'
import type { SdkLane } from '../sdk/lane.ts'
import type { ServerSource } from '../sdk/server.ts'
import { declaresTasks } from '../../catalog/task.ts'

// What each result may have, and nothing else.
const TOOL_RESULT = ['content', 'structuredContent', 'isError']
const TEXT = ['type', 'text']
const PROMPT = ['messages', 'description']
const RESOURCE = ['contents']

export interface DirectLane {
  /** Answers a request, or undefined when it is not for this lane. */
  serve: (request: FastifyRequest, reply: FastifyReply) => FastifyReply | Promise<FastifyReply | undefined> | undefined
  /** Ends every call. */
  close: () => void
}

export function createDirectLane ({ catalog, events, limits, info, requestState, keepAliveMs }: ServerSource, sdk: SdkLane): DirectLane {
  const lists = new Lists(catalog, events, sdk.fetch)
  const waiting: ExchangeSource['waiting'] = new Set()
  const source: ExchangeSource = { sdk, requestState, waiting }
  const keepAlive = setInterval(() => { for (const exchange of waiting) exchange.keepAlive() }, keepAliveMs).unref()
  // What 2026-07-28 adds to each result.
  const stamp = `,"resultType":"complete","_meta":${JSON.stringify({ [SERVER_INFO_META_KEY]: info })}}`
  const uncached = `,"ttlMs":0,"cacheScope":"private"${stamp}`

  function serve (request: FastifyRequest, reply: FastifyReply): FastifyReply | Promise<FastifyReply | undefined> | undefined {
    const era = eraOfCommonCase(request)
    if (era === undefined) return undefined
    const { method, params } = request.body as CommonRequest
    const tool = method === 'tools/call' ? catalog.tools.get(params?.name ?? '') : undefined
    const isCall = tool !== undefined || method === 'prompts/get' || method === 'resources/read'
    const list = isCall ? undefined : lists.get(era, method, request)
    if (tool === undefined ? !isCall && list === undefined : !isPlainTool(tool, params?._meta?.[CLIENT_CAPABILITIES_META_KEY])) return undefined
    askedOf(request)?.takenBy('direct', era)
    const exchange = new Exchange(request, reply, era, source)
    if (list !== undefined) {
      exchange.answer(list)
      return reply
    }
    return tool === undefined ? read(exchange, request.body as CommonRequest) : call(exchange, tool, params?.arguments ?? {})
  }

  async function call (exchange: Exchange, tool: RegisteredTool, args: unknown): Promise<FastifyReply | undefined> {
    const answer = callTool(catalog, limits, tool.definition.name, args, exchange)
    let answered: Answer<unknown> | undefined
    try { answered = await answer } catch { /* the SDK lane says what went wrong */ }
    if (answered?.json === undefined || !isPlainToolResult(answered.result, tool, exchange.era)) return await exchange.leave(answer)
    return exchange.answer(exchange.era === '2026' ? answered.json.slice(0, -1) + stamp : answered.json)
  }

  async function read (exchange: Exchange, { method, params }: CommonRequest): Promise<FastifyReply | undefined> {
    const isPrompt = method === 'prompts/get'
    const answer: Promise<Answer<object>> = isPrompt ? getPrompt(catalog, limits, params?.name ?? '', params?.arguments ?? {}, exchange) : readResource(catalog, limits, params?.uri ?? '', exchange)
    let answered: Answer<object> | undefined
    try { answered = await answer } catch { /* the SDK lane says what went wrong */ }
    if (answered?.json === undefined || !(isPrompt ? isPlainPrompt(answered.result) : isPlainResource(answered.result))) return await exchange.leave(answer)
    return exchange.answer(exchange.era === '2026' ? answered.json.slice(0, -1) + (isPrompt ? stamp : uncached) : answered.json)
  }

  return {
    serve,
    close: () => {
      clearInterval(keepAlive)
      for (const running of catalog.inFlight) running.stop(SHUTDOWN)
    }
  }
}

/** Whether a call of the tool is its handler and nothing else: no header to check, no question before it, and no task. */
function isPlainTool ({ hasHeaderParameters, config: { before, task } }: RegisteredTool, capabilities: ClientCapabilities | undefined): boolean {
  return !hasHeaderParameters && before === undefined && task !== 'required' && (task === undefined || !declaresTasks(capabilities))
}

/** Whether the SDK would send a tool's result as it is: texts and nothing that it checks, wraps or leaves out. */
function isPlainToolResult (result: unknown, { definition: { outputSchema } }: RegisteredTool, era: Era): boolean {
  if (!isObject(result) || !hasOnly(result, TOOL_RESULT)) return false
  const { content, structuredContent, isError } = result as Partial<CallToolResult>
  return (isError === undefined || typeof isError === 'boolean') &&
    (structuredContent === undefined || (isObject(structuredContent) && (era === '2026' || outputSchema === undefined || outputSchema.type === 'object'))) &&
    Array.isArray(content) && content.every(isPlainText)
}

const isPlainText = (block: unknown): boolean => isObject(block) && block.type === 'text' && typeof block.text === 'string' && hasOnly(block, TEXT)
const isPlainPrompt = (result: unknown): boolean => isObject(result) && Array.isArray(result.messages) && hasOnly(result, PROMPT)
const isPlainResource = (result: unknown): boolean => isObject(result) && Array.isArray(result.contents) && hasOnly(result, RESOURCE)

/** Whether it is an object literal: one of a class may be serialized in a way of its own. */
const isObject = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype

function hasOnly (object: object, keys: readonly string[]): boolean {
  for (const key in object) if (!keys.includes(key)) return false
  return true
}
