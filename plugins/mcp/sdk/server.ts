// An official SDK server over the catalog. The SDK owns the protocol, the catalog owns what is served: building one
// costs the same whatever the number of tools, because nothing is registered into it a second time.
import { randomInt } from 'node:crypto'
import {
  type CallToolResult, type ClientCapabilities, type InputRequiredResult, isInputRequiredResult, type JSONRPCMessage, McpServer, ProtocolError, ProtocolErrorCode, type ServerContext,
  type ServerOptions, type Transport
} from '@modelcontextprotocol/server'
import type { SkillsExtension } from '@modelcontextprotocol/server/ext/skills'
import { ANYBODY, type Requester } from '../../auth/policy.ts'
import { type Answer, callTool, type Limits } from '../../catalog/calls/call.ts'
import type { Carrier } from '../../catalog/calls/call-scope.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import type { Era } from '../../catalog/contract.ts'
import type { Events } from '../../events/index.ts'
import { askedOf } from '../asked.ts'
import { complete, follow, getPrompt, listResources, readResource } from '../../catalog/calls/read.ts'
import type { RequestState } from '../request-state.ts'
import type { SharedSessions } from './shared-sessions.ts'
import { declaresTasks, isCreatedTask } from '../../catalog/task.ts'
import { contextOf, type RequestContext } from './request-context.ts'
import { serveSkills } from './skills.ts'
import { serveTasks } from './task-methods.ts'
import type { TaskRunner } from '../../catalog/tasks/runner.ts'

/** What every SDK server of this process shares; built once at boot. */
export interface ServerSource {
  readonly catalog: Catalog
  readonly events: Events
  readonly limits: Limits
  readonly tasks: TaskRunner
  readonly skills: SkillsExtension | undefined
  readonly info: { name: string, version: string }
  /** INSTANCE_NAME: which of several processes this is. */
  readonly instance: string | undefined
  readonly requestState: RequestState
  /** Where any request may come to any of several instances. */
  readonly sharedSessions?: SharedSessions | undefined
  /** Milliseconds between the comments that keep an idle stream open. */
  readonly keepAliveMs: number
}

export class CatalogServer extends McpServer {
  readonly #source: ServerSource
  readonly #era: Era
  readonly #from: Requester

  /** @param from whose lists it serves, where it serves one request */
  constructor (source: ServerSource, era: Era, from: Requester = ANYBODY) {
    super(source.info, options(source, from))
    this.#source = source
    this.#era = era
    this.#from = from
    const { catalog, limits } = source
    const { server } = this
    if (source.skills !== undefined) serveSkills(this, source.skills, catalog, requesterOf) // first: the resource handlers that it brings are replaced by those of the catalog
    const { capabilities } = catalog
    server.registerCapabilities(capabilities)

    server.setRequestHandler('tools/list', ({ params }, ctx) => ({ tools: onlyPage(params, catalog.listed('tools', requesterOf(ctx))) }))
    server.setRequestHandler('tools/call', async ({ params }, ctx) => {
      const outputSchema = catalog.tools.get(params.name)?.definition.outputSchema // of the version that is called
      const result = await this.#run(ctx, params.name, async carrier => await callTool(catalog, limits, params.name, params.arguments ?? {}, carrier))
      if (isInputRequiredResult(result)) return result
      if (isCreatedTask(result)) return { ...result, content: [] } // the SDK adds the empty content if we do not
      return server.projectCallToolResult(result as CallToolResult, outputSchema)
    })
    if (capabilities.prompts) {
      server.setRequestHandler('prompts/list', ({ params }, ctx) => ({ prompts: onlyPage(params, catalog.listed('prompts', requesterOf(ctx))) }))
      server.setRequestHandler('prompts/get', ({ params }, ctx) => this.#run(ctx, params.name, carrier => getPrompt(catalog, limits, params.name, params.arguments ?? {}, carrier)))
    }
    if (capabilities.resources) {
      server.setRequestHandler('resources/list', async ({ params }, ctx) => ({ resources: onlyPage(params, await listResources(catalog, limits, this.#carry(ctx), ctx)) }))
      server.setRequestHandler('resources/templates/list', ({ params }, ctx) => ({ resourceTemplates: onlyPage(params, catalog.listed('templates', requesterOf(ctx))) }))
      server.setRequestHandler('resources/read', ({ params }, ctx) => this.#run(ctx, params.uri, carrier => readResource(catalog, limits, params.uri, carrier)))
    }
    if (era === '2026') serveTasks(this, source.tasks, ctx => this.#carry(ctx))
    if (server.getCapabilities().completions) server.setRequestHandler('completion/complete', ({ params }, ctx) => complete(catalog, limits, params, this.#carry(ctx)))
  }

  /** The SDK checks Mcp-Param-* headers against this schema (SEP-2243); its own registry is empty. */
  override toolInputSchemaJson (name: string): Record<string, unknown> | undefined {
    const { catalog } = this.#source
    const tool = catalog.tools.get(name)
    return tool !== undefined && catalog.sees(this.#from, tool) ? tool.definition.inputSchema : undefined
  }

  override async connect (transport: Transport): Promise<void> {
    const send = transport.send.bind(transport)
    transport.send = async (message, options) => { await send(withParamsRefused(message), options) }
    await super.connect(transport)
  }

  /** Whether the client of a request may hear of changes of a resource. @throws NotPermitted */
  follow (ctx: ServerContext, uri: string): void { follow(this.#source.catalog, uri, this.#carry(ctx, uri)) }

  async #run<T> (ctx: ServerContext, name: string, work: (carrier: Carrier) => Promise<Answer<T>>): Promise<T | InputRequiredResult> {
    const context = this.#context(ctx)
    const { answer } = context
    context.answer = undefined
    return (await (answer as ReturnType<typeof work> | undefined ?? work(this.#carry(ctx, name)))).result
  }

  #context ({ http }: ServerContext): RequestContext {
    const context = contextOf(http?.authInfo)
    if (context === undefined) throw new Error('the SDK serves a request that no lane began')
    return context
  }

  #carry (ctx: ServerContext, name = ''): Carrier {
    const began = performance.now()
    const { mcpReq, http } = ctx
    const { requestState, tasks } = this.#source
    const context = this.#context(ctx)
    const { request } = context
    const { envelope } = mcpReq as { envelope?: Record<string, any> }
    const clientCapabilities: ClientCapabilities | undefined = envelope?.['io.modelcontextprotocol/clientCapabilities'] ?? this.server.getClientCapabilities()
    // Whom the client's stream no longer reaches has nothing to tell it; that is no fault of the tool.
    const lost = (error: unknown): void => request.log.debug({ err: error }, 'a notification reached nobody')
    let used: { readonly state: unknown } | undefined
    const carrier: Carrier = {
      request,
      face: 'sdk',
      era: this.#era,
      method: mcpReq.method,
      name,
      get ms () { return performance.now() - began },
      progressToken: mcpReq._meta?.progressToken,
      clientCapabilities,
      inputResponses: mcpReq.inputResponses,
      notify: notification => mcpReq.notify(notification).catch(lost),
      message: (level, data, logger) => mcpReq.log(level, data, logger).catch(lost),
      requestState: <T>(): T | undefined => {
        const sealed = mcpReq.requestState<Parameters<RequestState['use']>[0]>()
        return sealed && (used ??= { state: requestState.use<T>(sealed) }).state as T
      },
      mintRequestState: state => requestState.mint(state, request, mcpReq.id),
      closeStream: () => http?.closeSSE?.(),
      refused: item => { context.refused = item },
      ended: outcome => askedOf(request)?.ended(carrier, outcome, mcpReq.id),
      onGone: call => {
        askedOf(request)?.begin(undefined, mcpReq.id)
        if (mcpReq.signal.aborted) call.stop()
        else mcpReq.signal.addEventListener('abort', () => call.stop(), { once: true })
      },
      startTask: this.#era === '2026' && declaresTasks(clientCapabilities) ? (tool, args) => tasks.start(tool, args, carrier) : undefined
    }
    return carrier
  }
}

const requesterOf = ({ http }: ServerContext): Requester => contextOf(http?.authInfo)?.request ?? ANYBODY

/** Each list has one page, so no cursor was ever given out (MCP, pagination: one that is not valid should be refused). An empty one is none. */
function onlyPage<T> (params: { cursor?: string | undefined } | undefined, items: T): T {
  if (params?.cursor) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'Invalid params.cursor: it was not given out here; ask for the list without one')
  return items
}

interface Issue { readonly path: readonly PropertyKey[], readonly message: string }

/**
 * An error answer as JSON-RPC 2.0 section 5.1 has it where params do not fit: for most methods the SDK makes an internal
 * error of it, whose message is what its schema found, as JSON.
 */
function withParamsRefused (message: JSONRPCMessage): JSONRPCMessage {
  if (!('error' in message) || message.error.code !== ProtocolErrorCode.InternalError || !message.error.message.startsWith('[')) return message
  let issues: Issue[]
  try {
    issues = JSON.parse(message.error.message)
  } catch { return message }
  const found = issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
  return { ...message, error: { ...message.error, code: ProtocolErrorCode.InvalidParams, message: `Invalid ${found}`.slice(0, 500) } }
}

function options ({ catalog, requestState }: ServerSource, from: Requester): ServerOptions {
  const cacheScope = catalog.view(from) === '' ? 'public' : 'private'
  const [tools, prompts, resources] = (['tools', 'prompts', 'resources'] as const).map(list => ({ ttlMs: catalog.listTtlMs(list), cacheScope } as const))
  return {
    cacheHints: {
      'tools/list': tools, 'prompts/list': prompts, 'resources/list': resources, 'resources/templates/list': resources, 'server/discover': tools
    },
    requestState: { verify: requestState.verify }
  }
}

/**
 * Has it number what it asks from anywhere: two instances may ask the client of one session something at the same time. The SDK, which
 * has no setting for it, begins each server with 0.
 */
export function numberAtRandom ({ server }: CatalogServer): void {
  (server as unknown as { _requestMessageId: number })._requestMessageId = randomInt(2 ** 30)
}
