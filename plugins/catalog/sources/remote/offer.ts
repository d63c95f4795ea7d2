// What a server lists as this one serves it: under its prefix, on the terms of the file.
import { ResourceTemplate } from '@modelcontextprotocol/server'
import type { CompleteArgument, McpHost, ResourceConfig } from '../../contract.ts'
import type { Lists } from './lists.ts'
import { mountedNames } from './names.ts'
import { attempt, offerTools, present } from './offer-tools.ts'
import type { Relay } from './relay.ts'
import type { RemoteServer } from './remote-server.ts'

const LONGEST_NAME = 200

/** Registers all that can be; answers a line for each thing that cannot. */
export function offerLists (mcp: McpHost, server: RemoteServer, relay: Relay, { tools, prompts, resources, templates, completes }: Lists): string[] {
  const { definition } = server
  const problems = offerTools(mcp, definition, tools, async (tool, args, ctx) => await relay.callTool(tool, args, ctx))
  const { scopes, scopeTitles, askScopes } = definition.terms
  const terms = present({ scopes, scopeTitles, askScopes })
  const suggest = (ref: Parameters<Relay['complete']>[0], argument: string): CompleteArgument => async (value, context) => await relay.complete(ref, argument, value, context)
  if (definition.prompts) {
    const names = mountedNames(definition.prefix, prompts.map(({ name }) => name))
    for (const { name, title, description, arguments: args = [], icons, _meta } of prompts) {
      attempt(problems, `prompt ${name}`, args, () => mcp.registerPrompt(names.get(name) ?? name, {
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
      attempt(problems, `resource ${uri}`, shown, () => mcp.registerResource(under(name), uri, { ...shownOf(shown), ...terms, followed }, async (_url, ctx) => await relay.readResource(uri, ctx)))
    }
    for (const { uriTemplate, name, ...shown } of templates) {
      attempt(problems, `resource template ${uriTemplate}`, shown, () => {
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

const SHOWN = new Set(['title', 'description', 'mimeType', 'size', 'annotations', 'icons', '_meta'])
const shownOf = (shown: object): ResourceConfig => present(Object.fromEntries(Object.entries(shown).filter(([name]) => SHOWN.has(name)))) as ResourceConfig
