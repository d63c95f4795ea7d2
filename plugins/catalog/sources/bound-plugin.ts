// The plugin of a tool file, changed so that fastify.mcp within it is the offer of that file.
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import type { McpHost } from '../contract.ts'

/** A plugin of any kind: async or with a callback, with a scope of its own or, by fastify-plugin, without. */
export type ToolPlugin = FastifyPluginCallback<any>

const SKIP_OVERRIDE = Symbol.for('skip-override')

export function boundTo (mcp: McpHost, plugin: ToolPlugin): ToolPlugin {
  const shares = SKIP_OVERRIDE in plugin
  const bound: ToolPlugin = (instance, options, done) => plugin(shares ? beside(instance, mcp) : within(instance, mcp), options, done)
  // What Fastify reads off a plugin: its name, what it depends on, whether it takes a callback.
  Object.defineProperties(bound, Object.getOwnPropertyDescriptors(plugin))
  return bound
}

/** The scope of the plugin, which is its own: its plugins inherit from it. */
const within = (instance: FastifyInstance, mcp: McpHost): FastifyInstance => Object.defineProperty(instance, 'mcp', { value: mcp })

/** The scope that the plugin shares with the server, but for fastify.mcp. */
function beside (instance: FastifyInstance, mcp: McpHost): FastifyInstance {
  const scope: FastifyInstance = Object.create(instance, {
    mcp: { value: mcp },
    decorate: { value: (...args: Parameters<FastifyInstance['decorate']>) => { instance.decorate(...args); return scope } },
    register: { value: (plugin: ToolPlugin, options: object) => instance.register(typeof plugin === 'function' ? boundTo(mcp, plugin) : plugin, options) }
  })
  return scope
}
