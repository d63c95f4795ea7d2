// Who calls: what an auth plugin finds out and everything behind it relies on.
import type { onRequestHookHandler } from 'fastify'
import type { Refusal } from '../../lib/refusal.ts'

/** What people call a caller. Nothing is decided by it: an app chooses its own name. */
export interface Names { readonly user?: string, readonly app?: string }

/** How many calls there may be in a time: of the tools that a pattern fits, together. */
export interface Quota { readonly of: string, readonly per: 'minute' | 'day', readonly calls: number }

/** What the roles of a caller allow, whatever a token adds to that: nothing. */
export interface Rights {
  /** Names of the roles. */
  readonly roles: readonly string[]
  /** Whether nothing is left out, so that nobody need ask. */
  readonly unrestricted: boolean
  /** Equal for those who see the same. */
  readonly view: string
  readonly may: (item: Item) => boolean
  readonly sees: (item: Item) => boolean
  /** Whether a scope can be of any use to the caller. */
  readonly mayHold: (scope: string) => boolean
  /** What limits the calls of an item; undefined where nothing does. */
  readonly quotasOf: (item: Item) => readonly Quota[] | undefined
}

/** The authenticated caller of a request. */
export interface Principal {
  /** Stable identifier; sessions and limits are bound to it. */
  readonly id: string
  /** Of the user, as people know it. */
  readonly name: string
  /** Names of the roles that the user has now. */
  readonly roles: readonly string[]
  /** What these allow now: a role that is taken away counts at once. */
  readonly rights: Rights
  /** The OAuth client that acts for the caller, where there is one (RFC 9068 section 2.2). */
  readonly clientId?: string
  /** What the caller was granted (RFC 6749 section 3.3). */
  readonly scopes: ReadonlySet<string>
  /** What lets the caller in and can be revoked, where there is such a thing: the grant of an access token. */
  readonly grantId?: string
  /** What the person who let the client in has left to it; undefined for everything. */
  readonly leaves?: Narrowing | undefined
  /** Whether it was revoked since. For what goes on after a request was let in; it costs next to nothing. */
  readonly isRevoked?: () => boolean
  /** For whoever reads the log; looked up once for each token. */
  names?: Names | Promise<Names>
}

/** Something that is served: a tool, a prompt, a resource, a template of resources. */
export interface Item {
  /** What it is to a role: a template is of the resources. */
  readonly kind: 'tools' | 'prompts' | 'resources'
  /** Of a resource its URI, of a template the template. */
  readonly name: string
  /** The URI in the spelling by which it is looked up; of a template, that of the resource that is asked for, if one is. */
  readonly uri?: string
  /** Whether it says of itself that it only reads. */
  readonly readsOnly: boolean
  /** What using it takes, all of them. */
  readonly scopes: readonly string[]
  /** What scopes mean to a person, by scope. */
  readonly scopeTitles?: Readonly<Record<string, string>>
  /** Whether clients are told to ask for them when a person signs in first, or when they are needed. */
  readonly askScopes?: 'first' | 'needed'
}

/** What a request leaves by itself of what its caller may use. */
export interface Narrowing {
  /** Equal for those that leave the same. */
  readonly view: string
  readonly allows: (item: Item) => boolean
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What its address asks to be left of what is served; null for all. */
    narrowed: Narrowing | null
    /** Who calls; null where the mode has no callers to tell apart. */
    principal: Principal | null
  }
  interface FastifyInstance {
    /** Sets `request.principal`, or answers with the challenge of the mode. Provided by the auth plugin. */
    authenticate: onRequestHookHandler
    /** A check of whether what let a request in still holds, for what goes on long after. Provided by the auth plugin. */
    standing: (request: FastifyRequest) => () => boolean
    /** A refusal of what the caller lacks scopes for; sets the challenge that says which (RFC 6750 section 3.1). Provided by the auth plugin. */
    insufficientScope: (request: FastifyRequest, reply: FastifyReply, items: readonly Item[]) => Refusal
  }
}
