// Prompts, resources and completions: like a tool call, but a failure has no result to live in and is a protocol error.
import {
  type CompleteRequestParams, type CompleteResult, type GetPromptResult, type InputRequiredResult, isInputRequiredResult, ProtocolError, ProtocolErrorCode,
  type ReadResourceResult, type Resource, ResourceNotFoundError
} from '@modelcontextprotocol/server'
import type { FastifyRequest } from 'fastify'
import type { Answer, Limits } from './call.ts'
import { type Carrier, CallScope, recordOutcome } from './call-scope.ts'
import type { Catalog } from '../catalog.ts'
import { type CallContext, type CompleteArgument, ToolError } from '../contract.ts'
import { permit } from './permission.ts'
import type { RegisteredPrompt, RegisteredTemplate } from '../registered.ts'
import { canonical } from '../uri.ts'
import { faultInListing, faultInPrompt, faultInResource } from './result-check.ts'

const MOST_COMPLETIONS = 100

/** @throws ProtocolError -32602 for an unknown name or arguments that do not match */
export async function getPrompt (catalog: Catalog, limits: Limits, name: string, args: Record<string, string>, carrier: Carrier): Promise<Answer<GetPromptResult>> {
  const prompt = catalog.prompts.get(name)
  const unknown = (): Error => new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown prompt: ${name.slice(0, 128)}`)
  if (prompt === undefined) throw unknown()
  permit(catalog, prompt, carrier, unknown)
  const invalid = prompt.validateArguments(args)
  if (invalid !== undefined) {
    recordOutcome(carrier, 'invalid_arguments')
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Invalid arguments for prompt ${name}: ${invalid}`)
  }
  return await inScope(catalog, limits, carrier, ctx => prompt.handler(args, ctx), `prompt "${name}"`, faultInPrompt)
}

/** @throws ProtocolError -32602 when no resource or template has the URI */
export async function readResource (catalog: Catalog, limits: Limits, uri: string, carrier: Carrier): Promise<Answer<ReadResourceResult>> {
  if (!URL.canParse(uri)) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'uri is not a valid URI', { uri })
  const served = catalog.resourceAt(uri)
  if (served === undefined) throw new ResourceNotFoundError(uri)
  permit(catalog, served.item, carrier, () => new ResourceNotFoundError(uri))
  return await inScope(catalog, limits, carrier, served.read, `resource ${uri.slice(0, 200)}`, faultInResource)
}

/**
 * Whether a caller may hear of changes of a resource: who may read it. A URI at which nothing is served tells nothing.
 * @throws NotPermitted
 */
export function follow (catalog: Catalog, uri: string, carrier: Carrier): void {
  const served = catalog.resourceAt(uri)
  if (served === undefined || !catalog.sees(carrier.request, served.item)) return
  permit(catalog, served.item, carrier, () => new ResourceNotFoundError(uri))
  tellFollowed(catalog, [uri], carrier.request)
}

/** Tells whoever registered what is served at URIs that a client follows it. Who may not read it follows nothing. */
export function tellFollowed (catalog: Catalog, uris: readonly unknown[], { principal, log }: FastifyRequest): void {
  for (const uri of uris) {
    const item = typeof uri === 'string' ? catalog.resourceAt(uri)?.item : undefined
    if (item?.followed === undefined || !catalog.policy.may(principal, item)) continue
    try {
      item.followed(uri as string)
    } catch (error) {
      log.error({ err: error }, 'a resource could not be followed')
    }
  }
}

/**
 * Static resources, then those that templates can enumerate. A template that fails, or takes too long, hides nothing of others:
 * what is wrong with it is in the log.
 */
export async function listResources (catalog: Catalog, limits: Limits, carrier: Carrier, ctx: unknown): Promise<Resource[]> {
  const { request } = carrier
  const resources = catalog.listed('resources', request)
  for (const { template, definition, ...item } of catalog.templates.values()) {
    if (template.listCallback === undefined || !catalog.sees(request, item)) continue
    const scope = new CallScope(carrier, limits.timeoutMs, catalog.inFlight)
    try {
      const listed = scope.timely(await scope.run(async () => await template.listCallback?.(ctx as never)))
      const fault = listed === null || typeof listed !== 'object' ? 'it is no object' : faultInListing(listed)
      if (fault !== undefined) throw new TypeError(`list returned what no client can read: ${fault}`)
      for (const resource of listed?.resources ?? []) if (catalog.sees(request, { ...item, uri: spelled(resource.uri) })) resources.push(resource)
    } catch (error) {
      if (scope.stopped !== undefined && scope.stopped.outcome !== 'timeout') throw explain(scope, error, carrier)
      request.log.error({ err: error, template: definition.uriTemplate }, 'a template could not list its resources')
    } finally {
      scope.end()
    }
  }
  return resources
}

function spelled (uri: string): string {
  const url = URL.parse(uri)
  return url === null ? uri : canonical(url)
}

/** @throws ProtocolError -32602 when the reference names nothing */
export async function complete (catalog: Catalog, limits: Limits, { ref, argument, context }: CompleteRequestParams, carrier: Carrier): Promise<CompleteResult> {
  const found = ref.type === 'ref/prompt' ? catalog.prompts.get(ref.name) : catalog.templates.get(ref.uri)
  const unknown = (): Error => new ProtocolError(ProtocolErrorCode.InvalidParams, 'The reference to complete names no prompt and no resource template')
  if (found === undefined) throw unknown()
  permit(catalog, found, carrier, unknown)
  const completer = completerOf(found, argument.name)
  if (completer === undefined) return { completion: { values: [], total: 0, hasMore: false } }
  const scope = new CallScope(carrier, limits.timeoutMs, catalog.inFlight)
  let values: string[]
  try {
    values = scope.timely(await scope.run(async () => await completer(argument.value, context)))
    if (!Array.isArray(values) || !values.every(value => typeof value === 'string')) throw new TypeError('what completes an argument must answer a list of texts')
  } catch (error) {
    throw explain(scope, error, carrier)
  } finally {
    scope.end()
  }
  return { completion: { values: values.slice(0, MOST_COMPLETIONS), total: values.length, hasMore: values.length > MOST_COMPLETIONS } }
}

/** A name that is none of the item's is nothing of every object's either: `constructor`. */
function completerOf (item: RegisteredPrompt | RegisteredTemplate, argument: string): CompleteArgument | undefined {
  if ('template' in item) return item.template.uriTemplate.variableNames.includes(argument) ? item.template.completeCallback(argument) as CompleteArgument | undefined : undefined
  const { complete = {} } = item.config
  return Object.hasOwn(complete, argument) ? complete[argument] : undefined
}

async function inScope<T extends object> (catalog: Catalog, limits: Limits, carrier: Carrier, work: (ctx: CallContext) => T | InputRequiredResult | Promise<T | InputRequiredResult>, what: string, faultIn: (result: T) => string | undefined): Promise<Answer<T>> {
  const scope = new CallScope(carrier, limits.timeoutMs, catalog.inFlight)
  try {
    const result = scope.timely(await scope.run(() => work(scope)))
    if (isInputRequiredResult(result)) {
      recordOutcome(carrier, 'input_required')
      return { result, json: undefined }
    }
    const fault = result === null || typeof result !== 'object' ? 'it is no object' : faultIn(result)
    if (fault !== undefined) throw new TypeError(`${what} returned what no client can read: ${fault}`)
    const json = JSON.stringify(result) // what cannot be sent fails here, where that is answered
    recordOutcome(carrier, 'ok', json)
    return { result, json }
  } catch (error) {
    throw explain(scope, error, carrier)
  } finally {
    scope.end()
  }
}

function explain (scope: CallScope, error: unknown, carrier: Carrier): ProtocolError {
  scope.lookAtTime()
  if (scope.stopped !== undefined) {
    recordOutcome(carrier, scope.stopped.outcome)
    return new ProtocolError(ProtocolErrorCode.InternalError, `The request ${scope.stopped.reason}`)
  }
  const meant = error instanceof Error && 'expose' in error
  recordOutcome(carrier, meant || error instanceof ProtocolError ? 'tool_error' : 'failed')
  if (error instanceof ProtocolError) return error
  if (error instanceof ToolError && error.code !== undefined) return new ProtocolError(error.code, error.message, error.data)
  if (meant) return new ProtocolError(ProtocolErrorCode.InvalidParams, error.message)
  scope.log.error({ err: error }, 'resource or prompt failed')
  return new ProtocolError(ProtocolErrorCode.InternalError, `Internal error; the server's log has the cause under request id ${carrier.request.id}`)
}
