// What the catalog holds of each thing that was registered.
import type { Prompt, Resource, ResourceTemplate, ResourceTemplateType, Tool } from '@modelcontextprotocol/server'
import type { Needs } from '../auth/principal.ts'
import type { PromptConfig, PromptHandler, ReadResource, ReadResourceTemplate, ToolConfig, ToolHandler } from './contract.ts'
import type { Validator } from './schema.ts'

export interface RegisteredTool {
  /** As `tools/list` shows it. */
  readonly definition: Tool
  readonly config: ToolConfig
  readonly handler: ToolHandler<any, any>
  readonly validateArguments: Validator
  readonly validateOutput: Validator | undefined
  /** Whether clients repeat arguments of it in headers (SEP-2243). */
  readonly hasHeaderParameters: boolean
  /** What calling it takes: the scopes that it declares. */
  readonly needs: Needs
  /** The file that registered it. */
  readonly owner: string
  /** Calls that are running now. */
  running: number
}

export interface RegisteredPrompt {
  readonly definition: Prompt
  readonly config: PromptConfig
  readonly handler: PromptHandler<any>
  readonly validateArguments: Validator
  readonly owner: string
}

export interface RegisteredResource { readonly definition: Resource, readonly read: ReadResource, readonly owner: string }
export interface RegisteredTemplate { readonly definition: ResourceTemplateType, readonly template: ResourceTemplate, readonly read: ReadResourceTemplate, readonly owner: string }

/** Everything that can be registered, by kind. */
export interface Registered { tools: RegisteredTool, prompts: RegisteredPrompt, resources: RegisteredResource, templates: RegisteredTemplate }
