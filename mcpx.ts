// The module 'mcpx': what the file of a tool needs, in one import. Tools outside the tree have it too, and what the server adds to
// FastifyInstance and FastifyRequest by scaffold/tools.tsconfig.json.
export { acceptedContent, inputRequired, inputResponse, ResourceTemplate } from '@modelcontextprotocol/server'
export type {
  CallToolResult, ClientCapabilities, ContentBlock, GetPromptResult, Icon, InputRequiredResult, LoggingLevel, PromptMessage, ReadResourceResult, Resource, ToolAnnotations, Variables
} from '@modelcontextprotocol/server'
export { type Static, type TObject, type TSchema, Type } from '@sinclair/typebox'
export type { FastifyBaseLogger, FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
export { type Cached, FreshCache } from './lib/fresh-cache.ts'
export type { Principal } from './plugins/auth/principal.ts'
export type {
  CallContext, CompleteArgument, Era, Infer, McpHost, PromptConfig, PromptHandler, ReadResource, ReadResourceTemplate, ResourceConfig, Schema, ToolConfig, ToolErrorOptions, ToolHandler,
  ToolResult
} from './plugins/catalog/contract.ts'
