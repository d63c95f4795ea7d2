// Prompts, resources and completions: like a tool call, but a failure has no result to live in and is a protocol error.
import {
  type CompleteRequestParams, type CompleteResult, type GetPromptResult, type InputRequiredResult, ProtocolError, ProtocolErrorCode,
  type ReadResourceResult, type Resource, ResourceNotFoundError
} from '@modelcontextprotocol/server'
import type { Limits } from './call.ts'
import { type Carrier, CallScope } from './call-scope.ts'
import type { Catalog } from './catalog.ts'
import type { CallContext } from './contract.ts'

const MOST_COMPLETIONS = 100

/** @throws ProtocolError -32602 for an unknown name or arguments that do not match */
export async function getPrompt (catalog: Catalog, limits: Limits, name: string, args: Record<string, string>, carrier: Carrier): Promise<GetPromptResult | InputRequiredResult> {
  const prompt = catalog.prompts.get(name)
  if (prompt === undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown prompt: ${name.slice(0, 64)}`)
  const invalid = prompt.validateArguments(args)
  if (invalid !== undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Invalid arguments for prompt ${name}: ${invalid}`)
  return await inScope(catalog, limits, carrier, ctx => prompt.handler(args, ctx))
}

/** @throws ProtocolError -32602 when no resource or template has the URI */
export async function readResource (catalog: Catalog, limits: Limits, uri: string, carrier: Carrier): Promise<ReadResourceResult | InputRequiredResult> {
  if (!URL.canParse(uri)) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'uri is not a valid URI', { uri })
  const url = new URL(uri)
  const resource = catalog.resources.get(url.href)
  if (resource !== undefined) return await inScope(catalog, limits, carrier, ctx => resource.read(url, ctx))
  for (const { template, read } of catalog.templates.values()) {
    const variables = template.uriTemplate.match(url.href)
    if (variables !== null) return await inScope(catalog, limits, carrier, ctx => read(url, variables, ctx))
  }
  throw new ResourceNotFoundError(uri)
}

/** Static resources, then those that templates can enumerate. */
export async function listResources (catalog: Catalog, ctx: unknown): Promise<Resource[]> {
  const resources = [...catalog.resources.values()].map(resource => resource.definition)
  for (const { template } of catalog.templates.values()) {
    const listed = await template.listCallback?.(ctx as never)
    if (listed !== undefined) resources.push(...listed.resources)
  }
  return resources
}

/** @throws ProtocolError -32602 when the reference names nothing */
export async function complete (catalog: Catalog, { ref, argument, context }: CompleteRequestParams): Promise<CompleteResult> {
  const found = ref.type === 'ref/prompt' ? catalog.prompts.get(ref.name) : catalog.templates.get(ref.uri)
  if (found === undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'The reference to complete names no prompt and no resource template')
  const completer = 'template' in found ? found.template.completeCallback(argument.name) : found.config.complete?.[argument.name]
  const values = await completer?.(argument.value, context) ?? []
  return { completion: { values: values.slice(0, MOST_COMPLETIONS), total: values.length, hasMore: values.length > MOST_COMPLETIONS } }
}

async function inScope<T> (catalog: Catalog, limits: Limits, carrier: Carrier, work: (ctx: CallContext) => T | Promise<T>): Promise<T> {
  const scope = new CallScope(carrier, limits.timeoutMs, catalog.inFlight)
  try {
    return await scope.run(() => work(scope))
  } catch (error) {
    if (scope.stopped !== undefined) throw new ProtocolError(ProtocolErrorCode.InternalError, `The request ${scope.stopped.reason}`)
    if (error instanceof ProtocolError) throw error
    if (error instanceof Error && 'expose' in error) throw new ProtocolError(ProtocolErrorCode.InvalidParams, error.message)
    scope.log.error({ err: error }, 'resource or prompt failed')
    throw new ProtocolError(ProtocolErrorCode.InternalError, `Internal error; the server's log has the cause under request id ${carrier.request.id}`)
  } finally {
    scope.end()
  }
}
