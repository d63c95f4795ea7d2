// Hands calls on to a server, and what becomes of them back: results as they are, questions to whoever called, errors as messages.
import { CLIENT_CAPABILITIES_META_KEY, LOG_LEVEL_META_KEY, ProtocolError, SERVER_INFO_META_KEY } from '@modelcontextprotocol/client'
import {
  type CallToolResult, type CompleteResult, type GetPromptResult, type InputRequest, inputRequired, type InputRequiredResult, isInputRequiredResult, type ReadResourceResult, type Tool
} from '@modelcontextprotocol/server'
import type { CallContext } from '../../contract.ts'
import type { Conversation, Question } from './conversation.ts'
import { Failure } from './failure.ts'
import type { Link } from './link.ts'
import type { RemoteServer } from './remote-server.ts'

/** The call's own time is what ends it. */
const LONGEST_MS = 2 ** 31 - 1
/** How long a question may stay without an answer, and how many may. */
const ANSWER_MS = 300_000
const MOST_OPEN = 100
const LONGEST_ERROR = 4000
const URL_ELICITATION_REQUIRED = -32042
const COMPLETION_MS = 10_000

/** What is signed between rounds: whose question it was, and, of a server that keeps nothing itself, its own state. */
interface State { readonly open?: string, readonly question?: string, readonly upstream?: { readonly requestState?: string | undefined } }

interface Open { readonly conversation: Conversation<any>, readonly timer: NodeJS.Timeout }

export class Relay {
  readonly #server: RemoteServer
  readonly #open = new Map<string, Open>()

  constructor (server: RemoteServer) { this.#server = server }

  async callTool (tool: Tool, args: object, ctx: CallContext): Promise<CallToolResult | InputRequiredResult> {
    const { name } = tool
    // Where arguments go into headers too (SEP-2243), the client has to know which; what is said of results, whoever calls checks.
    const toolDefinition = JSON.stringify(tool.inputSchema).includes('"x-mcp-header"') ? { ...tool, outputSchema: undefined } as Tool : undefined
    return await this.#relay<CallToolResult>(ctx, `tools/call ${name}`, async (link, more, options) =>
      await link.client.callTool({ name, arguments: args as Record<string, unknown>, ...more }, { ...options, ...(toolDefinition && { toolDefinition }) }) as CallToolResult)
  }

  async getPrompt (name: string, args: Record<string, string>, ctx: CallContext): Promise<GetPromptResult | InputRequiredResult> {
    return await this.#relay<GetPromptResult>(ctx, `prompts/get ${name}`, async (link, more, options) => await link.client.getPrompt({ name, arguments: args, ...more }, options))
  }

  async readResource (uri: string, ctx: CallContext): Promise<ReadResourceResult | InputRequiredResult> {
    return await this.#relay<ReadResourceResult>(ctx, `resources/read ${uri}`, async (link, more, options) => await link.client.request({ method: 'resources/read', params: { uri, ...more } }, options) as ReadResourceResult)
  }

  /** Suggests values of an argument; none where the server does not answer in time. */
  async complete (ref: { type: 'ref/prompt', name: string } | { type: 'ref/resource', uri: string }, name: string, value: string, context: { arguments?: Record<string, string> } | undefined): Promise<string[]> {
    try {
      const conversation = this.#server.converse<CompleteResult>('', 'completion/complete', async (link, { signal }) =>
        await link.client.complete({ ref, argument: { name, value }, ...(context?.arguments && { context: { arguments: context.arguments } }) }, { signal, timeout: COMPLETION_MS }))
      return [...(await conversation.result).completion.values]
    } catch {
      return []
    }
  }

  close (): void {
    for (const [id, { conversation }] of this.#open) {
      this.#forget(id)
      conversation.give(new Failure('it was stopped'))
    }
  }

  async #relay<T> (ctx: CallContext, about: string, send: (link: Link, more: object, options: object) => Promise<T>): Promise<T | InputRequiredResult> {
    try {
      const state = ctx.requestState<State>()
      const conversation = state?.open === undefined ? this.#begin(ctx, about, state, send) : this.#goOn(ctx, about, state)
      for (;;) {
        const outcome = await conversation.round(ctx)
        if ('result' in outcome) return isInputRequiredResult(outcome.result) ? await this.#asks(ctx, outcome.result) : withoutSender(outcome.result)
        const { question } = outcome
        if (canBeAsked(ctx, question.request)) return await this.#park(ctx, conversation, question)
        conversation.take(question.id)?.refuse(new ProtocolError(-32601, 'the client of whoever calls cannot be asked that'))
      }
    } catch (error) {
      throw this.#explained(ctx, error)
    }
  }

  #begin<T> (ctx: CallContext, about: string, state: State | undefined, send: (link: Link, more: object, options: object) => Promise<T>): Conversation<T> {
    return this.#server.converse<T>(ctx.principal?.id ?? 'nobody', about, async (link, conversation) => {
      const more = {
        ...(link.era === '2026' && {
          _meta: { [CLIENT_CAPABILITIES_META_KEY]: ctx.clientCapabilities ?? {}, ...logLevelOf(ctx) },
          ...(ctx.inputResponses !== undefined && { inputResponses: ctx.inputResponses }), ...(state?.upstream?.requestState !== undefined && { requestState: state.upstream.requestState })
        })
      }
      return await send(link, more, {
        signal: conversation.signal, timeout: LONGEST_MS, allowInputRequired: true,
        onprogress: ({ progress, total, message }: { progress: number, total?: number, message?: string }) => { void conversation.ctx?.progress(progress, total, message) }
      })
    })
  }

  /** A question was answered: the call at the server goes on. */
  #goOn (ctx: CallContext, about: string, { open = '', question = '' }: State): Conversation<any> {
    const conversation = this.#open.get(open)?.conversation
    this.#forget(open)
    const asked = conversation?.about === about ? conversation.take(question) : undefined
    if (conversation === undefined || asked === undefined) throw ctx.error('The question that this answers is no longer open: it had waited too long, or another process has asked it. Call again.')
    asked.answer(ctx.inputResponses?.[question] ?? { action: 'cancel' })
    return conversation
  }

  async #park (ctx: CallContext, conversation: Conversation<any>, question: Question): Promise<InputRequiredResult> {
    if (this.#open.size >= MOST_OPEN) {
      conversation.give(new Failure('too many questions wait for an answer'))
      throw new Failure(`it has asked ${MOST_OPEN} questions that wait for an answer; try again later`)
    }
    const timer = setTimeout(() => {
      this.#forget(conversation.id)
      conversation.give(new Failure('nobody has answered'))
    }, ANSWER_MS).unref()
    this.#open.set(conversation.id, { conversation, timer })
    return inputRequired({ inputRequests: { [question.id]: question.request }, requestState: await ctx.mintRequestState({ open: conversation.id, question: question.id } satisfies State) })
  }

  #forget (id: string): void {
    clearTimeout(this.#open.get(id)?.timer)
    this.#open.delete(id)
  }

  /** A server of 2026 has asked, and keeps nothing: its state goes with ours. */
  async #asks (ctx: CallContext, { inputRequests, requestState }: InputRequiredResult): Promise<InputRequiredResult> {
    const state = await ctx.mintRequestState({ upstream: { requestState } } satisfies State)
    return inputRequired({ ...(inputRequests && { inputRequests }), requestState: state })
  }

  #explained (ctx: CallContext, error: unknown): unknown {
    if (ctx.signal.aborted) return error
    if (error instanceof Failure) return ctx.error(`The server ${this.#server.definition.name} cannot be used: ${error.message}`, { cause: error })
    if (error instanceof ProtocolError) {
      const message = error.message.slice(0, LONGEST_ERROR)
      const links = error.code === URL_ELICITATION_REQUIRED ? (error.data as { elicitations?: { url?: unknown }[] } | undefined)?.elicitations?.map(({ url }) => String(url)).slice(0, 5) : undefined
      return links === undefined ? ctx.error(message, { code: error.code, cause: error, ...(boundedData(error.data)) }) : ctx.error(`${message}; open ${links.join(' and ')} first, then call again`, { cause: error })
    }
    const message = (error as Error | undefined)?.message ?? String(error)
    return ctx.error(`The server ${this.#server.definition.name} answered what cannot be read: ${message.slice(0, 300)}`, { cause: error })
  }
}

function canBeAsked ({ clientCapabilities: { elicitation, sampling, roots } = {} }: CallContext, { method, params }: InputRequest): boolean {
  if (method === 'sampling/createMessage') return sampling !== undefined
  if (method === 'roots/list') return roots !== undefined
  return elicitation !== undefined && ((params as { mode?: unknown } | undefined)?.mode !== 'url' || elicitation.url !== undefined)
}

/** The level that the caller wants of this request; one of 2025 has said so for its session, where it is looked at. */
function logLevelOf ({ era, request }: CallContext): object {
  const level = era === '2025' ? 'info' : (request.body as { params?: { _meta?: Record<string, unknown> } } | undefined)?.params?._meta?.[LOG_LEVEL_META_KEY]
  return typeof level === 'string' ? { [LOG_LEVEL_META_KEY]: level } : {}
}

/** What goes with an error, where it is short enough to go along. */
function boundedData (data: unknown): { data?: unknown } {
  return data === undefined || JSON.stringify(data).length > LONGEST_ERROR ? {} : { data }
}

/** A result without what its server says of itself: whoever calls has called this one, which says that of itself. */
function withoutSender<T> (result: T): T {
  const { resultType: _, _meta, ...rest } = result as { resultType?: unknown, _meta?: Record<string, unknown> }
  if (_meta === undefined) return rest as T
  const { [SERVER_INFO_META_KEY]: sender, ...others } = _meta
  return (Object.keys(others).length === 0 && sender !== undefined ? rest : { ...rest, _meta: others }) as T
}
