// What one server in the file is: how it is reached, and what of it is served on which terms.
import type { AskScopes, ScopeTitles, ToolConfig } from '../../contract.ts'

/** A program of this machine, which speaks on its standard input and output. */
export interface ProcessTarget {
  readonly kind: 'process'
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
}

/** A server at a URL. `http` is streamable HTTP, `sse` what was before it, `any` the first, or the second where there is no first. */
export interface HttpTarget {
  readonly kind: 'http' | 'sse' | 'any'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** What the host enforces, as tool files declare it for themselves. */
export interface Terms {
  readonly scopes?: readonly string[] | undefined
  readonly scopeTitles?: ScopeTitles | undefined
  readonly askScopes?: AskScopes | undefined
  readonly timeoutMs?: number | undefined
  readonly maxResultBytes?: number | undefined
}

/** What an operator says of one tool. */
export interface ToolTerms extends Terms {
  /** What it is called after the prefix. */
  readonly name?: string | undefined
  readonly title?: string | undefined
  readonly description?: string | undefined
  /** Arguments that callers neither see nor choose. */
  readonly arguments?: Readonly<Record<string, unknown>> | undefined
  readonly annotations?: ToolConfig['annotations']
  readonly concurrency?: number | undefined
  readonly dailyBudget?: number | undefined
  readonly cost?: number | undefined
  readonly hide?: boolean | undefined
}

/** What is served of somebody else's, and on which terms. */
export interface MountDefinition {
  /** Its key in the file. */
  readonly name: string
  /** What its names begin with; empty for none. */
  readonly prefix: string
  /** Patterns of tools that are served, and of those that are not. */
  readonly allow: readonly string[] | undefined
  readonly hide: readonly string[]
  readonly terms: Terms
  /** By name, or by a pattern. */
  readonly tools: ReadonlyMap<string, ToolTerms>
  /** Calls of all its tools together. */
  readonly concurrency: number
  /** Whether what it describes otherwise waits for somebody to look. */
  readonly pin: boolean
}

/** A server of MCP. */
export interface ServerDefinition extends MountDefinition {
  readonly target: ProcessTarget | HttpTarget
  readonly prompts: boolean
  readonly resources: boolean
  readonly perUser: boolean
  /** Most people whom it is started for at once. */
  readonly maxUsers: number
  readonly start: 'boot' | 'use'
  /** After which it is ended when nobody calls it; Infinity for never. */
  readonly idleMs: number
  readonly connectMs: number
}

/** An API that an OpenAPI document describes. */
export interface ApiDefinition extends MountDefinition { readonly target: ApiTarget }

export interface ApiTarget {
  readonly kind: 'openapi'
  /** Path of a file, or a URL. */
  readonly document: string
  readonly isFile: boolean
  readonly baseUrl: string | undefined
  /** What goes with each call. */
  readonly headers: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  /** Values of the security schemes of the document, by name. */
  readonly auth: Readonly<Record<string, string>>
  /** Which of its operations are tools. */
  readonly only: { readonly tags?: readonly string[] | undefined, readonly paths?: readonly string[] | undefined, readonly methods?: readonly string[] | undefined }
}

export type Definition = ServerDefinition | ApiDefinition

export const isApi = (definition: Definition): definition is ApiDefinition => definition.target.kind === 'openapi'

/** Whether a name fits a pattern, in which * stands for any text. */
export function fits (pattern: string, name: string): boolean {
  const [first = '', ...others] = pattern.split('*')
  if (others.length === 0) return name === first
  const last = others.pop() ?? ''
  if (!name.startsWith(first) || name.length < first.length + last.length || !name.endsWith(last)) return false
  let at = first.length
  for (const part of others) {
    const found = name.indexOf(part, at)
    if (found === -1 || found + part.length > name.length - last.length) return false
    at = found + part.length
  }
  return true
}

/** What is said of a tool: by patterns that its name fits, in the order of the file, and by its name after all. */
export function termsOf ({ tools }: MountDefinition, name: string): ToolTerms {
  const fitting = [...tools].filter(([pattern]) => pattern !== name && fits(pattern, name)).map(([, terms]) => terms)
  return Object.assign({}, ...fitting, tools.get(name)) as ToolTerms
}

/** Whether a tool is served at all. */
export function isServed (definition: MountDefinition, name: string): boolean {
  const { allow, hide } = definition
  if (termsOf(definition, name).hide === true) return false
  return (allow?.some(pattern => fits(pattern, name)) ?? true) && !hide.some(pattern => fits(pattern, name))
}
