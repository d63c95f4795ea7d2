// The catalog: every tool, prompt and resource that was registered. Lanes look things up here; nothing else holds them.
import { Type } from '@sinclair/typebox'
import { ResourceTemplate, type ServerCapabilities, type Tool } from '@modelcontextprotocol/server'
import type { Needs } from '../auth/principal.ts'
import type { Events, ListEvent } from '../events/index.ts'
import type {
  McpHost, PromptConfig, PromptHandler, ReadResource, ReadResourceTemplate, ResourceConfig, Schema, ToolConfig, ToolHandler
} from './contract.ts'
import type { CallScope } from './calls/call-scope.ts'
import { checkDeclaration, checkParamHeaders } from './declaration.ts'
import type { RegisteredPrompt, RegisteredResource, RegisteredTemplate, RegisteredTool } from './registered.ts'
import { compile, type Validator } from './schema.ts'
import { taskUri } from './task.ts'

// SEP-986
export const TOOL_NAME = /^[A-Za-z0-9_./-]{1,64}$/
// Who has just seen a list change is likely to see it change again.
const UNSETTLED_MS = 60_000
const UNSETTLED_TTL_MS = 5_000
const NO_NEEDS: Needs = []
const NOTHING = {}
const NO_ARGUMENTS = Type.Object({}, { additionalProperties: false })

export class Catalog implements McpHost {
  readonly tools = new Map<string, RegisteredTool>()
  readonly prompts = new Map<string, RegisteredPrompt>()
  readonly resources = new Map<string, RegisteredResource>()
  readonly templates = new Map<string, RegisteredTemplate>()
  /** Calls that are running, so that a shutdown can wait for them and then end them. */
  readonly inFlight = new Set<CallScope>()
  /** The file being loaded, so that whatever it registers can be traced to it. */
  owner = 'app'
  readonly #events: Events
  readonly #disabled: Set<string>
  readonly #unknownDisabled: Set<string>
  readonly #listTtlMs: number
  readonly #changedAt = { tools: -Infinity, prompts: -Infinity, resources: -Infinity }
  #listed: Tool[] | undefined

  constructor (events: Events, disabled: readonly string[], listTtlMs: number) {
    this.#events = events
    this.#listTtlMs = listTtlMs
    this.#disabled = new Set(disabled)
    this.#unknownDisabled = new Set(disabled)
  }

  registerTool<I extends Schema, O extends Schema> (name: string, config: ToolConfig<I, O>, handler: ToolHandler<I, O>): void {
    if (!TOOL_NAME.test(name)) throw new Error(`tool name ${JSON.stringify(name)} must be 1 to 64 of A-Z a-z 0-9 _ . / -`)
    if (!config.description) throw new Error(`tool "${name}" has no description`)
    if (typeof handler !== 'function') throw new Error(`tool "${name}" has no handler function`)
    const taken = this.tools.get(name)
    if (taken !== undefined) throw new Error(`tool "${name}" is already registered by ${taken.owner}`)
    if (config.task !== undefined && config.task !== 'optional' && config.task !== 'required') throw new Error(`tool "${name}": task must be "optional" or "required"`)
    if (this.#disabled.has(name)) return void this.#unknownDisabled.delete(name)

    const inputSchema = (config.inputSchema ?? NO_ARGUMENTS) as Tool['inputSchema']
    if (inputSchema.type !== 'object') throw new Error(`tool "${name}": inputSchema must have type "object"`)
    const { title, description, annotations, icons, _meta } = config
    const outputSchema = config.outputSchema as Tool['outputSchema']
    const definition = wire({ name, title, description, inputSchema, outputSchema, annotations, icons, _meta })
    checkDeclaration(`tool "${name}"`, 'Tool', definition)
    checkParamHeaders(`tool "${name}"`, inputSchema)
    this.tools.set(name, {
      definition,
      config: config as ToolConfig,
      handler,
      validateArguments: compileFor(`tool "${name}": inputSchema`, inputSchema),
      validateOutput: outputSchema && compileFor(`tool "${name}": outputSchema`, outputSchema),
      hasHeaderParameters: JSON.stringify(inputSchema).includes('"x-mcp-header"'),
      needs: [config.scopes ?? []],
      owner: this.owner,
      running: 0
    })
    this.#listed = undefined
    this.toolsChanged()
  }

  registerPrompt<A extends Schema> (name: string, config: PromptConfig<A>, handler: PromptHandler<A>): void {
    if (this.prompts.has(name)) throw new Error(`prompt "${name}" is already registered`)
    const schema = (config.argsSchema ?? NO_ARGUMENTS) as { properties?: Record<string, { title?: string, description?: string }>, required?: string[] }
    const required = new Set(schema.required)
    const args = Object.entries(schema.properties ?? {}).map(([argument, { title, description }]) =>
      wire({ name: argument, title, description, required: required.has(argument) }))
    const { title, description, icons, _meta } = config
    const definition = wire({ name, title, description, arguments: args, icons, _meta })
    checkDeclaration(`prompt "${name}"`, 'Prompt', definition)
    this.prompts.set(name, {
      definition,
      config: config as PromptConfig,
      handler,
      validateArguments: compileFor(`prompt "${name}": argsSchema`, schema)
    })
    this.promptsChanged()
  }

  registerResource (name: string, uri: string, config: ResourceConfig, read: ReadResource): void
  registerResource (name: string, template: ResourceTemplate, config: ResourceConfig, read: ReadResourceTemplate): void
  registerResource (name: string, uri: string | ResourceTemplate, config: ResourceConfig, read: ReadResource | ReadResourceTemplate): void {
    if (uri instanceof ResourceTemplate) {
      const uriTemplate = uri.uriTemplate.toString()
      if (this.templates.has(uriTemplate)) throw new Error(`resource template ${uriTemplate} is already registered`)
      const definition = wire({ ...config, name, uriTemplate })
      checkDeclaration(`resource template ${uriTemplate}`, 'ResourceTemplate', definition)
      this.templates.set(uriTemplate, { definition, template: uri, read: read as ReadResourceTemplate })
    } else {
      const { href } = new URL(uri)
      if (this.resources.has(href)) throw new Error(`resource ${uri} is already registered`)
      const definition = wire({ ...config, name, uri })
      checkDeclaration(`resource ${uri}`, 'Resource', definition)
      this.resources.set(href, { definition, read: read as ReadResource })
    }
    this.resourcesChanged()
  }

  /** Definitions in the order of their names, so that every answer is the same until something changes. */
  listTools (): Tool[] {
    this.#listed ??= [...this.tools.values()].map(tool => tool.definition).sort((a, b) => a.name < b.name ? -1 : 1)
    return this.#listed
  }

  /** What the calls of a request body need to be allowed: the scopes that each tool declares. */
  needs (body: unknown): Needs {
    return Array.isArray(body) ? body.flatMap(message => this.#needsOf(message)) : this.#needsOf(body)
  }

  #needsOf (message: unknown): Needs {
    const { method, params } = (message ?? NOTHING) as { method?: unknown, params?: { name?: unknown } | null }
    return method === 'tools/call' ? this.tools.get(params?.name as string)?.needs ?? NO_NEEDS : NO_NEEDS
  }

  /** Names in TOOLS_DISABLED that no file registered. */
  get unknownDisabled (): string[] { return [...this.#unknownDisabled] }
  /** Names that a file registered and TOOLS_DISABLED dropped. */
  get dropped (): string[] { return [...this.#disabled].filter(name => !this.#unknownDisabled.has(name)) }

  get capabilities (): ServerCapabilities {
    const completes = [...this.prompts.values()].some(prompt => prompt.config.complete) || this.templates.size > 0
    return {
      tools: { listChanged: true },
      logging: {},
      ...(this.prompts.size > 0 && { prompts: { listChanged: true } }),
      ...(this.resources.size + this.templates.size > 0 && { resources: { listChanged: true, subscribe: true } }),
      ...(completes && { completions: {} })
    }
  }

  /** Milliseconds for which a client may keep a list: fewer while it changes. */
  listTtlMs (list: ListEvent['list'], now = Date.now()): number {
    return now - this.#changedAt[list] < UNSETTLED_MS ? Math.min(UNSETTLED_TTL_MS, this.#listTtlMs) : this.#listTtlMs
  }

  toolsChanged (): void { this.#changed('tools') }
  promptsChanged (): void { this.#changed('prompts') }
  resourcesChanged (): void { this.#changed('resources') }
  resourceUpdated (uri: string): void { this.#events.publish({ type: 'resource', uri }) }
  taskChanged (id: string): void { this.resourceUpdated(taskUri(id)) }

  #changed (list: ListEvent['list']): void {
    if (this.owner === 'app') this.#changedAt[list] = Date.now() // what files register at the start is no change
    this.#events.publish({ type: 'list', list })
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
