// Makes what the catalog holds of what is registered: checked, its schemas compiled, as clients will see it. Nothing is served by that.
import { Type } from '@sinclair/typebox'
import type { ResourceTemplate, Tool } from '@modelcontextprotocol/server'
import type {
  AskScopes,
  PromptConfig, PromptHandler, ReadResource, ReadResourceTemplate, ResourceConfig, Schema, ScopeTitles, ToolConfig, ToolHandler
} from './contract.ts'
import { scopesOf } from '../auth/policy.ts'
import type { Item } from '../auth/principal.ts'
import { checkDeclaration, checkParamHeaders, checkScopes, checkScopeTitles } from './declaration.ts'
import { checkFields, schemaGiven } from './registration.ts'
import type { RegisteredPrompt, RegisteredResource, RegisteredTemplate, RegisteredTool } from './registered.ts'
import { compile, type Validator } from './schema.ts'
import { canonical, matcherOf } from './uri.ts'

// MCP 2025-11-25, tools; before (SEP-986), a slash was allowed too.
export const TOOL_NAME = /^[A-Za-z0-9_./-]{1,128}$/
const NO_ARGUMENTS = Type.Object({}, { additionalProperties: false })

/**
 * @param guest whether it is of somebody else's, who checks arguments and results: his schemas are handed on and never run, as
 * an expression in one could take for ever
 * @throws Error when the tool cannot be served; the same holds for what follows
 */
export function toolOf (owner: string, name: string, config: ToolConfig<any, any>, handler: ToolHandler<any, any>, guest = false): RegisteredTool {
  if (!TOOL_NAME.test(name)) throw new Error(`tool name ${JSON.stringify(name)} must be 1 to 128 of A-Z a-z 0-9 _ . / -`)
  if (!config.description) throw new Error(`tool "${name}" has no description`)
  checkFields(`tool "${name}"`, 'tool', config)
  if (typeof handler !== 'function') throw new Error(`tool "${name}" has no handler function`)
  if (config.task !== undefined && config.task !== 'optional' && config.task !== 'required') throw new Error(`tool "${name}": task must be "optional" or "required"`)
  const inputSchema = (guest ? config.inputSchema ?? NO_ARGUMENTS : schemaGiven(`tool "${name}": inputSchema`, config.inputSchema ?? NO_ARGUMENTS)) as Tool['inputSchema']
  if (inputSchema.type !== 'object') throw new Error(`tool "${name}": inputSchema must have type "object"`)
  const { title, description, annotations, icons, _meta } = config
  const outputSchema = (guest ? config.outputSchema : schemaGiven(`tool "${name}": outputSchema`, config.outputSchema, 'output')) as Tool['outputSchema']
  const definition = wire({ name, title, description, inputSchema, outputSchema, annotations, icons, _meta })
  checkDeclaration(`tool "${name}"`, 'Tool', definition)
  checkParamHeaders(`tool "${name}"`, inputSchema)
  return {
    kind: 'tools',
    name,
    readsOnly: annotations?.readOnlyHint === true,
    definition,
    config: { ...config, ...(config.configured !== undefined && { configured: asked(config.configured) }) } as ToolConfig,
    handler,
    validateArguments: guest ? isArguments : compileFor(`tool "${name}": inputSchema`, inputSchema),
    validateOutput: guest ? undefined : outputSchema && compileFor(`tool "${name}": outputSchema`, outputSchema),
    hasHeaderParameters: JSON.stringify(inputSchema).includes('"x-mcp-header"'),
    ...scopesOfItem(`tool "${name}"`, config),
    owner,
    running: 0
  }
}

const isArguments: Validator = value => value !== null && typeof value === 'object' && !Array.isArray(value) ? undefined : 'they must be an object'

export function promptOf (owner: string, name: string, config: PromptConfig<any>, handler: PromptHandler<any>): RegisteredPrompt {
  checkFields(`prompt "${name}"`, 'prompt', config)
  const schema = schemaGiven(`prompt "${name}": argsSchema`, config.argsSchema ?? NO_ARGUMENTS) as { properties?: Record<string, { title?: string, description?: string }>, required?: string[] }
  const required = new Set(schema.required)
  const args = Object.entries(schema.properties ?? {}).map(([argument, { title, description }]) =>
    wire({ name: argument, title, description, required: required.has(argument) }))
  const { title, description, icons, _meta } = config
  const definition = wire({ name, title, description, arguments: args, icons, _meta })
  checkDeclaration(`prompt "${name}"`, 'Prompt', definition)
  return {
    kind: 'prompts',
    name,
    readsOnly: true,
    definition,
    config: config as PromptConfig,
    handler,
    ...scopesOfItem(`prompt "${name}"`, config),
    validateArguments: compileFor(`prompt "${name}": argsSchema`, schema),
    owner
  }
}

export function resourceOf (owner: string, name: string, uri: string, { scopes, scopeTitles, askScopes, followed, ...config }: ResourceConfig, read: ReadResource): RegisteredResource {
  checkFields(`resource ${uri}`, 'resource', config)
  const definition = wire({ ...config, name, uri })
  checkDeclaration(`resource ${uri}`, 'Resource', definition)
  return { kind: 'resources', name: uri, uri: canonical(new URL(uri)), readsOnly: true, definition, ...scopesOfItem(`resource ${uri}`, { scopes, scopeTitles, askScopes }), read, followed, owner }
}

export function templateOf (owner: string, name: string, template: ResourceTemplate, { scopes, scopeTitles, askScopes, followed, ...config }: ResourceConfig, read: ReadResourceTemplate): RegisteredTemplate {
  const uriTemplate = template.uriTemplate.toString()
  checkFields(`resource template ${uriTemplate}`, 'resource', config)
  const definition = wire({ ...config, name, uriTemplate })
  checkDeclaration(`resource template ${uriTemplate}`, 'ResourceTemplate', definition)
  return { kind: 'resources', name: uriTemplate, readsOnly: true, definition, ...scopesOfItem(`resource template ${uriTemplate}`, { scopes, scopeTitles, askScopes }), template, match: matcherOf(uriTemplate), read, followed, owner }
}

function scopesOfItem (what: string, { scopes, scopeTitles, askScopes = 'first' }: { scopes?: readonly string[] | undefined, scopeTitles?: ScopeTitles | undefined, askScopes?: AskScopes | undefined }): Pick<Item, 'scopes' | 'scopeTitles' | 'askScopes'> {
  if (askScopes !== 'first' && askScopes !== 'needed') throw new Error(`${what}: askScopes must be "first" or "needed"`)
  return { scopes: scopesOf(checkScopes(what, scopes)), scopeTitles: checkScopeTitles(what, scopeTitles, scopes), askScopes }
}

/** What is asked of a file at any time must not throw: it is not a call, which would tell of it. */
function asked (configured: () => true | string): () => true | string {
  return () => {
    try {
      return configured()
    } catch {
      return 'its own check of that failed'
    }
  }
}

/** Drops what is undefined: a definition is serialized as it stands, and compared in tests. */
function wire<T extends object> (definition: T): T {
  return Object.fromEntries(Object.entries(definition).filter(([, value]) => value !== undefined)) as T
}

function compileFor (what: string, schema: Schema): Validator {
  try {
    return compile(schema)
  } catch (error) {
    throw new Error(`${what} is not a valid JSON Schema: ${(error as Error).message}`, { cause: error })
  }
}
