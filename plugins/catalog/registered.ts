// What the catalog holds of each thing that was registered.
import type { Prompt, Resource, ResourceTemplate, ResourceTemplateType, Tool, Variables } from '@modelcontextprotocol/server'
import type { Item } from '../auth/principal.ts'
import type { CallContext, PromptConfig, PromptHandler, ReadResource, ReadResourceTemplate, ToolConfig, ToolHandler } from './contract.ts'
import type { Validator } from './schema.ts'

export interface RegisteredTool extends Item {
  /** As `tools/list` shows it. */
  readonly definition: Tool
  readonly config: ToolConfig
  readonly handler: ToolHandler<any, any>
  readonly validateArguments: Validator
  readonly validateOutput: Validator | undefined
  /** Whether clients repeat arguments of it in headers (SEP-2243). */
  readonly hasHeaderParameters: boolean
  /** The file that registered it. */
  readonly owner: string
  /** Calls that are running now. */
  running: number
}

export interface RegisteredPrompt extends Item {
  readonly definition: Prompt
  readonly config: PromptConfig
  readonly handler: PromptHandler<any>
  readonly validateArguments: Validator
  readonly owner: string
}

/** What whoever registered it is told when a client follows its changes. */
interface Followed { readonly followed: ((uri: string) => void) | undefined }

export interface RegisteredResource extends Item, Followed { readonly definition: Resource, readonly read: ReadResource, readonly owner: string }
export interface RegisteredTemplate extends Item, Followed { readonly definition: ResourceTemplateType, readonly template: ResourceTemplate, /** What the variables are in a canonical URI that the template fits. */ readonly match: (uri: string) => Variables | null, readonly read: ReadResourceTemplate, readonly owner: string }

/** Everything that can be registered, by kind. */
export interface Registered { tools: RegisteredTool, prompts: RegisteredPrompt, resources: RegisteredResource, templates: RegisteredTemplate }

/** What a URI leads to. */
export interface Served { readonly item: RegisteredResource | RegisteredTemplate, readonly read: (ctx: CallContext) => ReturnType<ReadResource> }
