// Roles: what each allows, and what several of them allow together.
import { NamePatterns, patternsProblem } from '../../lib/name-patterns.ts'
import type { Item, Quota, Rights } from './principal.ts'
import { covers, TOOLS_SCOPE } from './scope.ts'

/** What a role allows; it is stored as JSON. What is not named is not allowed. */
export interface RoleDefinition {
  readonly tools: readonly string[]
  readonly prompts: readonly string[]
  /** URIs of resources, and templates as they are declared. */
  readonly resources: readonly string[]
  /** Those of the scopes that tools declare which it can use; undefined: all. */
  readonly scopes?: readonly string[] | undefined
  readonly quotas: readonly Quota[]
}

const EVERYTHING: RoleDefinition = { tools: ['*'], prompts: ['*'], resources: ['*'], quotas: [] }

/** Roles that are always there, and always the same. */
export const BUILT_IN: Readonly<Record<'admin' | 'auditor' | 'member', string>> = {
  admin: 'everything',
  auditor: 'sees what an admin sees; uses what only reads: prompts, resources, and tools that say so (readOnlyHint)',
  member: 'everything that is served; what a new user gets by default'
}
export const ADMIN = 'admin'
export const MEMBER = 'member'

export const isBuiltIn = (name: string): boolean => Object.hasOwn(BUILT_IN, name)

export class Role {
  readonly name: string
  readonly definition: RoleDefinition
  readonly unrestricted: boolean
  /** Whether it shows what it does not allow to use. */
  readonly seesEverything: boolean
  readonly #patterns: Readonly<Record<Item['kind'], NamePatterns>>
  readonly #scopes: ReadonlySet<string> | undefined
  readonly #quotas: ReadonlyArray<Quota & { readonly patterns: NamePatterns }>

  constructor (name: string, definition: RoleDefinition = EVERYTHING) {
    this.name = name
    this.definition = definition
    this.seesEverything = name === 'auditor'
    const { tools, prompts, resources, scopes, quotas } = definition
    this.#patterns = { tools: new NamePatterns(tools), prompts: new NamePatterns(prompts), resources: new NamePatterns(resources) }
    this.#scopes = scopes && new Set([...scopes, TOOLS_SCOPE]) // of what declares none its name decides
    this.#quotas = quotas.map(quota => ({ ...quota, patterns: new NamePatterns([quota.of]) }))
    this.unrestricted = !this.seesEverything && scopes === undefined && quotas.length === 0 && [tools, prompts, resources].every(patterns => patterns.length === 1 && patterns[0] === '*')
  }

  allows (item: Item): boolean {
    const { kind, name, uri, scopes, readsOnly } = item
    if (this.seesEverything) return readsOnly
    return scopes.every(scope => this.mayHold(scope)) && (uri === undefined ? this.#patterns[kind].has(name) : this.#patterns[kind].has(uri, name))
  }

  mayHold (scope: string): boolean { return this.#scopes === undefined || covers(this.#scopes, scope) }

  quotasOf ({ kind, name }: Item): readonly Quota[] {
    return kind === 'tools' ? this.#quotas.filter(({ patterns }) => patterns.has(name)) : []
  }
}

interface Decision { readonly may: boolean, readonly sees: boolean, readonly quotas: readonly Quota[] | undefined }

/** What several roles allow: whatever any of them does. What was decided of an item is kept, as its name is matched once. */
export class RightsOfRoles implements Rights {
  readonly roles: readonly string[]
  readonly unrestricted: boolean
  readonly view: string
  /** Equal for those who are allowed the same. */
  readonly signature: string
  readonly #roles: readonly Role[]
  readonly #decided = new WeakMap<Item, Decision>()

  constructor (roles: readonly Role[]) {
    this.#roles = roles.toSorted((a, b) => a.name < b.name ? -1 : 1)
    this.roles = this.#roles.map(({ name }) => name)
    this.unrestricted = roles.some(({ unrestricted }) => unrestricted)
    this.view = this.unrestricted ? 'everything' : `roles ${this.roles.join(' ')}`
    this.signature = this.unrestricted ? 'everything' : JSON.stringify(this.#roles.map(({ name, definition }) => [name, definition]))
  }

  may (item: Item): boolean { return this.unrestricted || this.#decide(item).may }
  sees (item: Item): boolean { return this.unrestricted || this.#decide(item).sees }
  mayHold (scope: string): boolean { return this.#roles.some(role => role.mayHold(scope)) }
  quotasOf (item: Item): readonly Quota[] | undefined { return this.unrestricted ? undefined : this.#decide(item).quotas }

  #decide (item: Item): Decision {
    let decision = this.#decided.get(item)
    if (decision === undefined) {
      const allowing = this.#roles.filter(role => role.allows(item))
      const may = allowing.length > 0
      decision = { may, sees: may || this.#roles.some(({ seesEverything }) => seesEverything), quotas: mostGenerous(allowing.map(role => role.quotasOf(item))) }
      this.#decided.set(item, decision)
    }
    return decision
  }
}

/** Of several roles that allow a tool the one counts whose tightest limit is the widest, for a minute and for a day. */
function mostGenerous (ofRoles: ReadonlyArray<readonly Quota[]>): readonly Quota[] | undefined {
  const chosen = (['minute', 'day'] as const).flatMap(per => {
    const tightest = (quotas: readonly Quota[]): number => Math.min(...quotas.map(({ calls }) => calls)) // of none: Infinity
    return ofRoles.map(quotas => quotas.filter(quota => quota.per === per)).reduce<readonly Quota[] | undefined>((widest, quotas) => widest === undefined || tightest(quotas) > tightest(widest) ? quotas : widest, undefined) ?? []
  })
  return chosen.length > 0 ? chosen : undefined
}

const NAME = /^[a-z][a-z0-9_-]{0,31}$/
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/
const MOST_QUOTAS = 50
const MOST_CALLS = 1_000_000_000

/** What is wrong with a role, in words that follow its name; undefined when nothing is. */
export function roleProblem (name: string, { tools, prompts, resources, scopes = [], quotas }: RoleDefinition): string | undefined {
  if (!NAME.test(name)) return 'is no name of a role: 1 to 32 of a-z 0-9 _ -, a letter first'
  for (const [kind, patterns] of Object.entries({ tools, prompts, resources })) {
    const problem = patternsProblem(patterns)
    if (problem !== undefined) return `cannot have these ${kind}: ${problem}`
  }
  const wrong = scopes.find(scope => !SCOPE.test(scope))
  if (wrong !== undefined || scopes.length > 200) return `cannot have these scopes: ${wrong === undefined ? 'there are more than 200' : `${JSON.stringify(wrong)} is none`}`
  if (quotas.length > MOST_QUOTAS) return `cannot have more than ${MOST_QUOTAS} quotas`
  for (const { of, calls } of quotas) {
    const problem = of.startsWith('!') ? 'a quota is of tools, and leaves none out' : patternsProblem([of])
    if (problem !== undefined) return `cannot have a quota of ${of}: ${problem}`
    if (!Number.isSafeInteger(calls) || calls < 1 || calls > MOST_CALLS) return `cannot have a quota of ${calls} calls: it is a whole number from 1 to ${MOST_CALLS}`
  }
  return undefined
}
