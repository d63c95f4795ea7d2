// Tools of somebody else as this server serves them: under a prefix, on the terms of the file.
import type { Tool } from '@modelcontextprotocol/server'
import type { McpHost, ToolHandler } from '../../contract.ts'
import { fits, isServed, type MountDefinition, termsOf, type ToolTerms } from './definition.ts'
import { mountedName, mountedNames } from './names.ts'

const MOST_TOOLS = 2000
const MOST_BYTES = 256 * 1024
const LONGEST_NAME = 200

export type CallTool = (tool: Tool, ...call: Parameters<ToolHandler<any, any>>) => ReturnType<ToolHandler<any, any>>

/** Registers one thing; where that cannot be, adds a line that says why. */
export function attempt (problems: string[], what: string, item: object, register: () => void): void {
  try {
    if (JSON.stringify(item).length > MOST_BYTES) throw new Error(`its description has more than ${MOST_BYTES} bytes`)
    register()
  } catch (error) {
    problems.push(`${what.slice(0, LONGEST_NAME)} is not served: ${(error as Error).message.slice(0, 300)}`)
  }
}

/** Registers all that can be; answers a line for each that cannot. */
export function offerTools (mcp: McpHost, definition: MountDefinition, tools: readonly Tool[], call: CallTool): string[] {
  const problems: string[] = []
  const served = tools.filter(({ name }) => isServed(definition, name))
  if (served.length > MOST_TOOLS) problems.push(`it lists ${served.length} tools; the first ${MOST_TOOLS} are served`)
  const names = mountedNames(definition.prefix, served.map(({ name }) => name))
  for (const tool of served.slice(0, MOST_TOOLS)) {
    const terms = termsOf(definition, tool.name)
    const name = terms.name === undefined ? names.get(tool.name) ?? tool.name : mountedName(definition.prefix, terms.name)
    attempt(problems, `tool ${tool.name}`, tool, () => registerTool(mcp, name, tool, terms, definition, call))
  }
  for (const pattern of [...definition.tools.keys(), ...definition.allow ?? [], ...definition.hide]) if (tools.length > 0 && !tools.some(({ name }) => fits(pattern, name))) problems.push(`it has no tool ${pattern}, which the file names`)
  return problems
}

function registerTool (mcp: McpHost, name: string, tool: Tool, terms: ToolTerms, { terms: all }: MountDefinition, call: CallTool): void {
  const { title, description, inputSchema, outputSchema, annotations, icons, _meta } = tool
  if ((tool as { execution?: { taskSupport?: unknown } }).execution?.taskSupport === 'required') throw new Error('it only runs as a task of 2025-11-25, which cannot be handed on')
  const { arguments: fixed } = terms
  const { scopes = all.scopes, scopeTitles = all.scopeTitles, askScopes = all.askScopes, timeoutMs = all.timeoutMs, maxResultBytes = all.maxResultBytes, concurrency, dailyBudget, cost } = terms
  mcp.registerTool(name, {
    ...present({ title: terms.title ?? title, outputSchema, icons, _meta, scopes, scopeTitles, askScopes, timeoutMs, maxResultBytes, concurrency, dailyBudget, cost }),
    description: terms.description ?? (description || title || tool.name),
    inputSchema: withoutFixed({ ...inputSchema, type: 'object' }, fixed),
    ...present({ annotations: terms.annotations === undefined ? known(annotations) : { ...known(annotations), ...terms.annotations } })
  }, async (args, ctx) => await call(tool, fixed === undefined ? args : { ...args, ...fixed }, ctx))
}

/** The schema without what callers do not choose. */
function withoutFixed (schema: Record<string, unknown>, fixed: Readonly<Record<string, unknown>> | undefined): Record<string, unknown> {
  if (fixed === undefined) return schema
  const { properties = {}, required } = schema as { properties?: object, required?: unknown }
  return {
    ...schema,
    properties: Object.fromEntries(Object.entries(properties).filter(([name]) => !Object.hasOwn(fixed, name))),
    ...(Array.isArray(required) && { required: required.filter(name => !Object.hasOwn(fixed, name)) })
  }
}

const HINTS = new Set(['title', 'readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint'])

/** The hints that the protocol has; others, somebody else's client may know. */
const known = <T extends object>(annotations: T | undefined): T | undefined => annotations && Object.fromEntries(Object.entries(annotations).filter(([name]) => HINTS.has(name))) as T

/** Without what is undefined. */
export function present<T extends object> (fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}
