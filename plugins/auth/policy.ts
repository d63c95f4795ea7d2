// Who may use what is served. The core asks here for each call, whatever way it came, so that no way can forget to.
import type { Item, Narrowing, Principal, Quota } from './principal.ts'
import { covers, TOOLS_SCOPE } from './scope.ts'

export interface Policy {
  /** Whether a caller may use an item. On the path of every call: it makes nothing. */
  readonly may: (principal: Principal | null, item: Item) => boolean
  /** Whether a caller finds an item in lists. */
  readonly sees: (principal: Principal | null, item: Item) => boolean
  /** The key under which the lists of a caller are kept: equal for callers who see the same, empty where that is everything. */
  readonly view: (principal: Principal | null) => string
  /** What limits the calls of an item; absent where nobody has such limits. */
  readonly quotas?: (principal: Principal | null, item: Item) => readonly Quota[] | undefined
}

/** Whoever asks for something, and what of all that is served they want to know of: a request is one. */
export interface Requester { readonly principal: Principal | null, readonly narrowed: Narrowing | null }

/** Somebody of whom nothing is known, who asks for everything. */
export const ANYBODY: Requester = { principal: null, narrowed: null }

const UNDECLARED: readonly string[] = [TOOLS_SCOPE]

/** What an item takes by what it declares: without any scope, the one of tools. */
export const scopesOf = (declared: readonly string[] | undefined): readonly string[] => declared === undefined || declared.length === 0 ? UNDECLARED : declared

/** Until somebody says who may do what, nobody may do anything. */
export const NOTHING: Policy = { may: () => false, sees: () => false, view: () => 'nothing' }

/** There are no callers to tell apart. */
export const EVERYTHING: Policy = { may: () => true, sees: () => true, view: () => '' }

/**
 * What was granted opens what it covers. Everything is listed to whoever has signed in: a client that lacks a scope
 * learns of it by the refusal, and asks for it then (MCP authorization, scope challenge handling).
 */
export const BY_SCOPE: Policy = { may: holdsAll, sees: () => true, view: () => '' }

/**
 * The same for those whom a role restricts. What no role of theirs allows is as unknown to them as what never was; lists are
 * never public, or what a cache has kept of one caller would be shown to another.
 */
export const BY_ROLE: Policy = {
  may: (principal, item) => holdsAll(principal, item) && principal?.rights.may(item) === true,
  sees: (principal, item) => principal?.rights.sees(item) === true,
  view: principal => principal?.rights.view ?? 'nobody',
  quotas: (principal, item) => principal?.rights.quotasOf(item)
}

/** The scopes that a caller lacks for these, each once. */
export function missingScopes (principal: Principal | null, items: readonly Item[]): string[] {
  const held = principal?.scopes ?? new Set<string>()
  return [...new Set(items.flatMap(({ scopes }) => scopes))].filter(scope => !covers(held, scope))
}

function holdsAll (principal: Principal | null, { scopes }: Item): boolean {
  if (principal === null) return false
  for (const scope of scopes) if (!covers(principal.scopes, scope)) return false
  return true
}
