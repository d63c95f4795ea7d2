// What a server lists as this one serves it: under its prefix, on the terms of the file.
import { ResourceTemplate, type Tool } from '@modelcontextprotocol/server'
import type { CompleteArgument, McpHost, ResourceConfig } from '../../contract.ts'
import { fits, isServed, type ServerDefinition, termsOf, type ToolTerms } from './definition.ts'
import type { Lists } from './lists.ts'
import { mountedName, mountedNames } from './names.ts'
import type { Relay } from './relay.ts'
import type { RemoteServer } from './remote-server.ts'

const MOST_TOOLS = 2000
const MOST_BYTES = 256 * 1024
const LONGEST_NAME = 200

/** Registers all that can be; answers a line for each thing that cannot. */
export function offerLists (mcp: McpHost, server: RemoteServer, relay: Relay, { tools, prompts, resources, templates, completes }: Lists): string[] {
  const { definition } = server
  const problems: string[] = []
  const attempt = (what: string, item: object, register: () => void): void => {
    try {
      if (JSON.stringify(item).length > MOST_BYTES) throw new Error(`its description has more than ${MOST_BYTES} bytes`)
      register()
    } catch (error) {
      problems.push(`${what.slice(0, LONGEST_NAME)} is not served: ${(error as Error).message.slice(0, 300)}`)
    }
  }

  const served = tools.filter(({ name }) => isServed(definition, name))
  if (served.length > MOST_TOOLS) problems.push(`it lists ${served.length} tools; the first ${MOST_TOOLS} are served`)
  const names = mountedNames(definition.prefix, served.map(({ name }) => name))
  for (const tool of served.slice(0, MOST_TOOLS)) {
    const terms = termsOf(definition, tool.name)
    const name = terms.name === undefined ? names.get(tool.name) ?? tool.name : mountedName(definition.prefix, terms.name)
    attempt(`tool ${tool.name}`, tool, () => registerTool(mcp, name, tool, terms, definition, relay))
  }
  for (const pattern of [...definition.tools.keys(), ...definition.allow ?? [], ...definition.hide]) if (tools.length > 0 && !tools.some(({ name }) => fits(pattern, name))) problems.push(`it has no tool ${pattern}, which the file names`)

  const { scopes, scopeTitles, askScopes } = definition.terms
  const terms = present({ scopes, scopeTitles, askScopes })
  const suggest = (ref: Parameters<Relay['complete']>[0], argument: string): CompleteArgument => async (value, context) => await relay.complete(ref, argument, value, context)
  if (definition.prompts) {
    const names = mountedNames(definition.prefix, prompts.map(({ name }) => name))
    for (const { name, title, description, arguments: args = [], icons, _meta } of prompts) {
      attempt(`prompt ${name}`, args, () => mcp.registerPrompt(names.get(name) ?? name, {
        ...present({ title, description, icons, _meta }), ...terms,
        argsSchema: { type: 'object', properties: Object.fromEntries(args.map(({ name, description, ...more }) => [name, present({ type: 'string', title: (more as { title?: string }).title, description })])), required: args.filter(({ required }) => required).map(({ name }) => name) },
        ...(completes && { complete: Object.fromEntries(args.map(argument => [argument.name, suggest({ type: 'ref/prompt', name }, argument.name)])) })
      }, async (given, ctx) => await relay.getPrompt(name, given as Record<string, string>, ctx)))
    }
  }
  if (definition.resources) {
    const under = (name: string): string => (definition.prefix === '' ? name : `${definition.prefix}_${name}`).slice(0, LONGEST_NAME)
    const followed = (uri: string): void => server.follow(uri)
    for (const { uri, name, ...shown } of resources) {
      attempt(`resource ${uri}`, shown, () => mcp.registerResource(under(name), uri, { ...shownOf(shown), ...terms, followed }, async (_url, ctx) => await relay.readResource(uri, ctx)))
    }
    for (const { uriTemplate, name, ...shown } of templates) {
      attempt(`resource template ${uriTemplate}`, shown, () => {
        // One that begins with a variable would be read for whatever nobody else has.
        if (!/^[a-z][a-z0-9+.-]*:/i.test(uriTemplate)) throw new Error('it does not begin with a scheme')
        const template = new ResourceTemplate(uriTemplate, { list: undefined })
        const complete = completes ? Object.fromEntries(template.uriTemplate.variableNames.map(variable => [variable, suggest({ type: 'ref/resource', uri: uriTemplate }, variable)])) : {}
        mcp.registerResource(under(name), new ResourceTemplate(uriTemplate, { list: undefined, complete }), { ...shownOf(shown), ...terms, followed }, async (url, _variables, ctx) => await relay.readResource(url.href, ctx))
      })
    }
  }
  return problems
}

function registerTool (mcp: McpHost, name: string, tool: Tool, terms: ToolTerms, { terms: all }: ServerDefinition, relay: Relay): void {
  const { title, description, inputSchema, outputSchema, annotations, icons, _meta } = tool
  if ((tool as { execution?: { taskSupport?: unknown } }).execution?.taskSupport === 'required') throw new Error('it only runs as a task of 2025-11-25, which cannot be handed on')
  const { arguments: fixed } = terms
  const { scopes = all.scopes, scopeTitles = all.scopeTitles, askScopes = all.askScopes, timeoutMs = all.timeoutMs, maxResultBytes = all.maxResultBytes, concurrency, dailyBudget, cost } = terms
  mcp.registerTool(name, {
    ...present({ title: terms.title ?? title, outputSchema, icons, _meta, scopes, scopeTitles, askScopes, timeoutMs, maxResultBytes, concurrency, dailyBudget, cost }),
    description: terms.description ?? (description || title || tool.name),
    inputSchema: withoutFixed({ ...inputSchema, type: 'object' }, fixed),
    ...present({ annotations: terms.annotations === undefined ? known(annotations) : { ...known(annotations), ...terms.annotations } })
  }, async (args, ctx) => await relay.callTool(tool, fixed === undefined ? args : { ...args, ...fixed }, ctx))
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

const SHOWN = new Set(['title', 'description', 'mimeType', 'size', 'annotations', 'icons', '_meta'])
const shownOf = (shown: object): ResourceConfig => present(Object.fromEntries(Object.entries(shown).filter(([name]) => SHOWN.has(name)))) as ResourceConfig

/** Without what is undefined. */
function present<T extends object> (fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}
