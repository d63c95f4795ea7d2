// Runs a tool under its declared policy and shapes what comes out: both lanes end here, so they cannot disagree.
import type { CallToolResult, InputRequiredResult } from '@modelcontextprotocol/server'
import { isInputRequiredResult, ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server'
import { nowMs } from '../../../lib/clock.ts'
import { callerOf } from '../../budgets.ts'
import { type Carrier, CallScope, type Outcome, recordOutcome } from './call-scope.ts'
import type { Catalog } from '../catalog.ts'
import type { RegisteredTool } from '../registered.ts'
import { type CallContext, ToolError } from '../contract.ts'
import { permit } from './permission.ts'
import { faultInToolResult } from './result-check.ts'
import { overQuota, type Quotas } from './quotas.ts'
import type { Exhausted, Usage } from './usage.ts'
import { type CreatedTask, isCreatedTask, TasksNotDeclared } from '../task.ts'

/** What applies to tools that declare nothing of their own. */
export interface Limits {
  readonly timeoutMs: number
  readonly maxResultBytes: number
  /** What callers have used of tools that have a budget. */
  readonly usage: Usage
  /** What roles limit. */
  readonly quotas: Quotas
}

/** What a handler came to. */
export interface Answer<T> {
  readonly result: T | InputRequiredResult
  /** The result as JSON, as it was needed to know that it can be sent, and its size; of questions and of a task, nothing. */
  readonly json: string | undefined
}

export type ToolAnswer = Answer<CallToolResult | CreatedTask>

/**
 * Calls a tool. Whatever the tool does, this answers with a result: mistakes in the arguments and failures of the
 * tool are results with `isError`, which the model reads (SEP-1303); only an unknown name is a protocol error.
 * Rejects with NotPermitted when the caller may not use the tool.
 * @throws ProtocolError -32602 when no tool has the name, -32021 when it only runs as a task and the client knows none
 */
export function callTool (catalog: Catalog, limits: Limits, name: string, args: unknown, carrier: Carrier): ToolAnswer | Promise<ToolAnswer> {
  const tool = catalog.tools.get(name)
  if (tool === undefined) throw asError(carrier, unknownTool(name))
  if (!catalog.may(carrier.request, tool)) return refused(catalog, tool, carrier)
  const { config } = tool
  if (config.task === 'required' && carrier.startTask === undefined) throw asError(carrier, new TasksNotDeclared(name))
  const invalid = tool.validateArguments(args)
  if (invalid !== undefined) return failure(carrier, 'invalid_arguments', `Invalid arguments for ${name}: ${invalid}`)
  const configured = config.configured?.() ?? true
  if (configured !== true) return failure(carrier, 'unconfigured', `${name} is not configured: ${configured}`)
  if (tool.running >= (config.concurrency ?? Infinity)) return failure(carrier, 'busy', `${name} is busy with ${tool.running} other calls; try again in a moment`)
  const quotas = catalog.policy.quotas?.(carrier.request.principal, tool)
  const over = quotas && limits.quotas.take(callerOf(carrier.request), quotas)
  if (over !== undefined) return failure(carrier, 'over_budget', overQuota(over))
  if (config.dailyBudget !== undefined) {
    const { cost = 1, dailyBudget } = config
    const exhausted = limits.usage.charge(callerOf(carrier.request), name, cost, dailyBudget)
    if (exhausted !== undefined) return failure(carrier, 'over_budget', overBudget(name, cost, dailyBudget, exhausted))
  }
  return runTool(catalog, limits, tool, args, carrier, foreground(tool, carrier))
}

function asError (carrier: Carrier, error: ProtocolError): ProtocolError {
  recordOutcome(carrier, 'protocol_error')
  return error
}

const unknownTool = (name: string): ProtocolError => new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${name.slice(0, 128)}`)

const refused = async (catalog: Catalog, tool: RegisteredTool, carrier: Carrier): Promise<never> => permit(catalog, tool, carrier, () => unknownTool(tool.name)) as never

function overBudget (name: string, cost: number, budget: number, { left, resetsAt }: Exhausted): string {
  const minutes = Math.ceil((resetsAt.getTime() - nowMs()) / 60_000)
  const wait = minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
  const price = cost === 1 ? '' : `, and a call costs ${cost}`
  return `${name} has a budget of ${budget} a day for each caller, of which ${left} is left${price}; it is full again at ${resetsAt.toISOString().slice(0, 16)}Z, in ${wait}`
}

/** What runs while the client waits: all of the call, or as much as comes before a task. */
function foreground (tool: RegisteredTool, { startTask }: Carrier): Work {
  const { handler, config: { before, task } } = tool
  const start = task === undefined ? undefined : startTask
  if (before === undefined && start === undefined) return handler
  return async (args, ctx) => await before?.(args as never, ctx) ?? await start?.(tool, args) ?? await handler(args, ctx)
}

type Work = (args: any, ctx: CallContext) => unknown

/** Runs the work of a tool under its time limit and its cap; arguments have been checked. Answers as `callTool` does. */
export async function runTool (catalog: Catalog, limits: Limits, tool: RegisteredTool, args: unknown, carrier: Carrier, work: Work = tool.handler): Promise<ToolAnswer> {
  const { config } = tool
  tool.running++
  const scope = new CallScope(carrier, config.timeoutMs ?? limits.timeoutMs, catalog.inFlight)
  try {
    return shape(tool, limits, scope.timely(await scope.run(() => work(args, scope))), carrier)
  } catch (error) {
    return explain(tool, limits, scope, error, carrier)
  } finally {
    scope.end()
    tool.running--
  }
}

function shape (tool: RegisteredTool, limits: Limits, result: unknown, carrier: Carrier): ToolAnswer {
  if (isInputRequiredResult(result)) return end(carrier, 'input_required', result, undefined)
  if (tool.config.task !== undefined && isCreatedTask(result)) return end(carrier, 'task', result, undefined)
  const { definition: { name }, config, validateOutput } = tool
  const complete = result as CallToolResult
  const fault = complete === null || typeof complete !== 'object' ? 'it is no object' : faultInToolResult(complete)
  if (fault !== undefined) throw new TypeError(`tool "${name}" returned what no client can read: ${fault}`)
  // First, as it fills in the defaults of the schema.
  const mismatch = complete.isError ? undefined : validateOutput?.(complete.structuredContent)
  if (mismatch !== undefined) throw new TypeError(`tool "${name}" returned structuredContent that does not match its outputSchema: ${mismatch}`)
  const json = JSON.stringify(complete)
  const size = Buffer.byteLength(json)
  const most = config.maxResultBytes ?? limits.maxResultBytes
  if (size > most) return failure(carrier, 'too_large', `The result of ${name} has ${size} bytes, more than the ${most} it may have; ask for less`)
  return end(carrier, complete.isError ? 'tool_error' : 'ok', complete, json, size)
}

function explain ({ definition: { name }, config }: RegisteredTool, limits: Limits, scope: CallScope, error: unknown, carrier: Carrier): ToolAnswer {
  scope.lookAtTime()
  if (scope.stopped !== undefined) return failure(carrier, scope.stopped.outcome, `${name} ${scope.stopped.reason}`)
  if (error instanceof Error && 'expose' in error && error.expose === true) {
    scope.log.info({ err: error, tool: name }, 'tool reported an error')
    const size = Buffer.byteLength(error.message)
    const most = config.maxResultBytes ?? limits.maxResultBytes
    if (size > most) return failure(carrier, 'too_large', `The error of ${name} has ${size} bytes, more than the ${most} that a result of it may have`)
    if (error instanceof ToolError && error.code !== undefined) {
      recordOutcome(carrier, 'failed')
      throw new ProtocolError(error.code, error.message, error.data)
    }
    return failure(carrier, 'tool_error', error.message)
  }
  scope.log.error({ err: error, tool: name }, 'tool failed')
  return failure(carrier, 'failed', `${name} failed unexpectedly; the server's log has the cause under request id ${carrier.request.id}`)
}

function failure (carrier: Carrier, outcome: Outcome, text: string): ToolAnswer {
  const result: CallToolResult = { content: [{ type: 'text', text }], isError: true }
  return end(carrier, outcome, result, JSON.stringify(result))
}

function end (carrier: Carrier, outcome: Outcome, result: ToolAnswer['result'], json: string | undefined, bytes?: number): ToolAnswer {
  recordOutcome(carrier, outcome, json, bytes)
  return { result, json }
}
