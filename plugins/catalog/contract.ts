// The contract between a tool and its host: what a plugin file may register, and what its handler is given.
import type { Static, TSchema } from '@sinclair/typebox'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type {
  CallToolResult, ClientCapabilities, GetPromptResult, Icon, InputRequiredResult, LoggingLevel, ReadResourceResult, Resource,
  ResourceTemplate, ToolAnnotations, Variables
} from '@modelcontextprotocol/server'
import type { Principal } from '../auth/principal.ts'

/** 2025: protocol revisions up to 2025-11-25, with or without a session. 2026: 2026-07-28 and later, stateless. */
export type Era = '2025' | '2026'

/** A JSON Schema 2020-12 object: TypeBox gives types with it, a plain object does not. */
export type Schema = TSchema | { readonly [keyword: string]: unknown }

/** The TypeScript type that a schema describes. */
export type Infer<S> = S extends TSchema ? Static<S> : Record<string, unknown>

/** What a handler is given besides its arguments. */
export interface CallContext {
  readonly request: FastifyRequest
  /** Who calls; null with AUTH_MODE=noauth. */
  readonly principal: Principal | null
  /** Aborts on disconnect, cancellation, timeout and shutdown; pass it to fetch and the like. */
  readonly signal: AbortSignal
  /** Logs with the id of the request. */
  readonly log: FastifyBaseLogger
  readonly era: Era
  /** What the client says it can do, for example `elicitation`. */
  readonly clientCapabilities: ClientCapabilities | undefined
  /** Answers to the `inputRequests` of an earlier `inputRequired(...)` result. From the client: untrusted. */
  readonly inputResponses: Record<string, unknown> | undefined
  /** Tells the client how far the work is; does nothing unless it asked. Values that do not grow are dropped. */
  progress: (progress: number, total?: number, message?: string) => Promise<void>
  /** Sends a `notifications/message` to the client; does nothing unless it asked for that level. */
  message: (level: LoggingLevel, data: unknown, logger?: string) => Promise<void>
  /** The state that an earlier round minted, verified; undefined in the first round. */
  requestState: <T>() => T | undefined
  /** Signs state for `inputRequired({ requestState })`, so that the next round can trust it. Not encrypted. */
  mintRequestState: (state: unknown) => Promise<string>
  /** Ends the response stream of a 2025-era session, so that the client polls for the rest (SEP-1699). */
  closeStream: () => void
  /**
   * Makes an error whose message is shown to the client. Any other error is shown as a plain failure.
   * With a `code` the call fails as a JSON-RPC error, not as a result that the model reads.
   */
  error: (message: string, options?: ToolErrorOptions) => Error
}

type Awaitable<T> = T | Promise<T>

/** A tool's result; with an output schema, `structuredContent` must match it. */
export type ToolResult<O> = Omit<CallToolResult, 'structuredContent'> & { structuredContent?: O extends TSchema ? Static<O> : unknown }

export type ToolHandler<I, O> = (args: Infer<I>, ctx: CallContext) => Awaitable<ToolResult<O> | InputRequiredResult>

/**
 * `first`: with the first sign-in, so that a person is asked once, and clients that cannot ask for more later can use it at all.
 * `needed`: when it is used, so that nobody allows more than they need.
 */
export type AskScopes = 'first' | 'needed'

/** What scopes let an app do, by scope, in the words that a person is asked with: `{ 'budget:spend': 'Spend money of the household' }`. */
export type ScopeTitles = Readonly<Record<string, string>>

/** How a tool is described to clients, and the policy that the host enforces for it. */
export interface ToolConfig<I extends Schema = Schema, O extends Schema = Schema> {
  title?: string
  description: string
  inputSchema?: I
  outputSchema?: O
  annotations?: ToolAnnotations
  icons?: Icon[]
  _meta?: Record<string, unknown>
  /** Scopes that a caller needs, all of them; without any, the scope that covers all tools. */
  scopes?: readonly string[]
  scopeTitles?: ScopeTitles
  /** When clients are told to ask for them; by default `first`. */
  askScopes?: AskScopes
  /** Milliseconds a call may take; by default TOOL_TIMEOUT_SECONDS. */
  timeoutMs?: number
  /** Bytes a result may have as JSON; by default 1,000,000. */
  maxResultBytes?: number
  /** Calls that may run at once; a further one is told to try again. By default unlimited. */
  concurrency?: number
  /** What the calls of one caller may cost in a day of UTC; a further one is told when it resets. By default unlimited. */
  dailyBudget?: number
  /** What a call costs of it; by default 1. */
  cost?: number
  /** True, or one line that says which setting is missing. */
  configured?: () => true | string
  /**
   * The call runs in the background for clients that can come back for its result (SEP-2663). `optional`: other
   * clients wait for it as ever. `required`: they are refused, and the handler does not run.
   */
  task?: 'optional' | 'required'
  /**
   * Runs before the handler, and before a task is created: asks for what must be known until then. The answers are
   * in the handler's `ctx.inputResponses`.
   */
  before?: (args: Infer<I>, ctx: CallContext) => Awaitable<InputRequiredResult | undefined>
}

export type CompleteArgument = (value: string, context?: { arguments?: Record<string, string> }) => Awaitable<string[]>

export interface PromptConfig<A extends Schema = Schema> {
  title?: string
  description?: string
  /** An object schema whose properties are strings. */
  argsSchema?: A
  /** Suggests values while the user types, by argument name. */
  complete?: Record<string, CompleteArgument>
  /** Scopes that a caller needs, also to have values suggested; without any, the scope that covers all tools. */
  scopes?: readonly string[]
  scopeTitles?: ScopeTitles
  askScopes?: AskScopes
  icons?: Icon[]
  _meta?: Record<string, unknown>
}

export type PromptHandler<A> = (args: Infer<A>, ctx: CallContext) => Awaitable<GetPromptResult | InputRequiredResult>

export type ResourceConfig = Omit<Resource, 'uri' | 'name'> & {
  /** Scopes that a caller needs to read it, to follow its changes, or to have its variables suggested; without any, the scope that covers all tools. */
  scopes?: readonly string[]
  scopeTitles?: ScopeTitles
  askScopes?: AskScopes
  /** Is told the URI when a client begins to follow its changes, each time one does: for what is only watched while somebody wants to know. */
  followed?: (uri: string) => void
}

export type ReadResource = (uri: URL, ctx: CallContext) => Awaitable<ReadResourceResult | InputRequiredResult>
export type ReadResourceTemplate = (uri: URL, variables: Variables, ctx: CallContext) => Awaitable<ReadResourceResult | InputRequiredResult>

/** `fastify.mcp`: the one server that every plugin file registers into. */
export interface McpHost {
  registerTool: <I extends Schema = Schema, O extends Schema = Schema>(name: string, config: ToolConfig<I, O>, handler: ToolHandler<I, O>) => void
  registerPrompt: <A extends Schema = Schema>(name: string, config: PromptConfig<A>, handler: PromptHandler<A>) => void
  registerResource: {
    (name: string, uri: string, config: ResourceConfig, read: ReadResource): void
    (name: string, template: ResourceTemplate, config: ResourceConfig, read: ReadResourceTemplate): void
  }
  /** Tell every listening client that a list, or one resource, has changed. */
  toolsChanged: () => void
  promptsChanged: () => void
  resourcesChanged: () => void
  resourceUpdated: (uri: string) => void
}

/** `data` goes with a `code` to the client (JSON-RPC 2.0 section 5.1). */
export type ToolErrorOptions = ErrorOptions & { code?: number, data?: unknown }

/** An error whose message was written for the client; made by `ctx.error`. */
export class ToolError extends Error {
  readonly expose = true
  /** Of JSON-RPC, where the call is to fail as an error. */
  readonly code: number | undefined
  readonly data: unknown

  constructor (message: string, { code, data, ...options }: ToolErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.data = data
  }
}
