// Runs a tool under its declared policy and shapes what comes out: both lanes end here, so they cannot disagree.
import type { CallToolResult, InputRequiredResult } from '@modelcontextprotocol/server'
import { isInputRequiredResult, ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server'
import { type Carrier, CallScope, type Outcome } from './call-scope.ts'
import type { Catalog, RegisteredTool } from './catalog.ts'
import { type CallContext, ToolError } from './contract.ts'
import { type CreatedTask, isCreatedTask, TasksNotDeclared } from './tasks/task.ts'

/** What applies to tools that declare nothing of their own. */
export interface Limits { readonly timeoutMs: number, readonly maxResultBytes: number }

/**
 * Calls a tool. Whatever the tool does, this answers with a result: mistakes in the arguments and failures of the
 * tool are results with `isError`, which the model reads (SEP-1303); only an unknown name is a protocol error.
 * @throws ProtocolError -32602 when no tool has the name, -32021 when it only runs as a task and the client knows none
 */
export async function callTool (catalog: Catalog, limits: Limits, name: string, args: unknown, carrier: Carrier): Promise<CallToolResult | InputRequiredResult | CreatedTask> {
  const tool = catalog.tools.get(name)
  if (tool === undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${name.slice(0, 64)}`)
  const { config } = tool
  if (config.task === 'required' && carrier.startTask === undefined) throw new TasksNotDeclared(name)
  const invalid = tool.validateArguments(args)
  if (invalid !== undefined) return failure(carrier, 'invalid_arguments', `Invalid arguments for ${name}: ${invalid}`)
  const configured = config.configured?.() ?? true
  if (configured !== true) return failure(carrier, 'unconfigured', `${name} is not configured: ${configured}`)
  if (tool.running >= (config.concurrency ?? Infinity)) return failure(carrier, 'busy', `${name} is busy with ${tool.running} other calls; try again in a moment`)
  return await runTool(catalog, limits, tool, args, carrier, foreground(tool, carrier))
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
export async function runTool (catalog: Catalog, limits: Limits, tool: RegisteredTool, args: unknown, carrier: Carrier, work: Work = tool.handler): Promise<CallToolResult | InputRequiredResult | CreatedTask> {
  const { definition: { name }, config } = tool
  tool.running++
  const scope = new CallScope(carrier, config.timeoutMs ?? limits.timeoutMs, catalog.inFlight)
  try {
    return shape(tool, limits, await scope.run(() => work(args, scope)), carrier)
  } catch (error) {
    return explain(name, scope, error, carrier)
  } finally {
    scope.end()
    tool.running--
  }
}

function shape (tool: RegisteredTool, limits: Limits, result: unknown, carrier: Carrier): CallToolResult | InputRequiredResult | CreatedTask {
  if (isInputRequiredResult(result)) return end(carrier, 'input_required', result)
  if (tool.config.task !== undefined && isCreatedTask(result)) return end(carrier, 'task', result)
  const { definition: { name }, config, validateOutput } = tool
  const complete = result as CallToolResult
  if (complete === null || typeof complete !== 'object' || !Array.isArray(complete.content)) throw new TypeError(`tool "${name}" returned no content array`)
  const size = Buffer.byteLength(JSON.stringify(complete))
  const most = config.maxResultBytes ?? limits.maxResultBytes
  if (size > most) return failure(carrier, 'too_large', `The result of ${name} has ${size} bytes, more than the ${most} it may have; ask for less`)
  if (complete.isError) return end(carrier, 'tool_error', complete)
  const mismatch = validateOutput?.(complete.structuredContent)
  if (mismatch !== undefined) throw new TypeError(`tool "${name}" returned structuredContent that does not match its outputSchema: ${mismatch}`)
  return end(carrier, 'ok', complete)
}

function explain (name: string, scope: CallScope, error: unknown, carrier: Carrier): CallToolResult {
  if (scope.stopped !== undefined) return failure(carrier, scope.stopped.outcome, `${name} ${scope.stopped.reason}`)
  if (error instanceof Error && 'expose' in error && error.expose === true) {
    scope.log.info({ err: error, tool: name }, 'tool reported an error')
    if (error instanceof ToolError && error.code !== undefined) throw end(carrier, 'failed', new ProtocolError(error.code, error.message))
    return failure(carrier, 'tool_error', error.message)
  }
  scope.log.error({ err: error, tool: name }, 'tool failed')
  return failure(carrier, 'failed', `${name} failed unexpectedly; the server's log has the cause under request id ${carrier.request.id}`)
}

function failure (carrier: Carrier, outcome: Outcome, text: string): CallToolResult {
  return end(carrier, outcome, { content: [{ type: 'text', text }], isError: true })
}

function end<T> ({ request, ended }: Carrier, outcome: Outcome, result: T): T {
  if (ended !== undefined) ended(outcome)
  else if (request.rpc !== null) request.rpc.outcome = outcome
  return result
}
