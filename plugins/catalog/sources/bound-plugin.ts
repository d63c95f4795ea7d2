// The plugin of a tool file, changed so that fastify.mcp within it is the offer of that file, and fastify.dataDir its folder.
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import type { McpHost } from '../contract.ts'

/** A plugin of any kind: async or with a callback, with a scope of its own or, by fastify-plugin, without. */
export type ToolPlugin = FastifyPluginCallback<any>
/** A hook for the end, async or with a callback. */
type EndHook = (...args: any[]) => unknown
/** What is to be run, last first, when the plugin is replaced and not only when the server ends. */
export type EndHooks = Array<() => Promise<void>>

/** What a file has of its own. */
export interface Own { readonly mcp: McpHost, readonly dataDir: () => string }

const SKIP_OVERRIDE = Symbol.for('skip-override')

/** @param ends where the plugin's hooks for the end are put, in place of the server's own */
export function boundTo (own: Own, plugin: ToolPlugin, ends?: EndHooks): ToolPlugin {
  const shares = SKIP_OVERRIDE in plugin
  const bound: ToolPlugin = (instance, options, done) => plugin(shares ? beside(instance, own, ends) : within(instance, own, ends), options, done)
  // What Fastify reads off a plugin: its name, what it depends on, whether it takes a callback.
  Object.defineProperties(bound, Object.getOwnPropertyDescriptors(plugin))
  return bound
}

/** The scope of the plugin, which is its own: its plugins inherit from it. */
const within = (instance: FastifyInstance, { mcp, dataDir }: Own, ends?: EndHooks): FastifyInstance =>
  Object.defineProperties(instance, { mcp: { value: mcp }, dataDir: { get: dataDir }, ...(ends && { addHook: { value: addHookOf(instance, ends) } }) })

/** The scope that the plugin shares with the server, but for what it has of its own. */
function beside (instance: FastifyInstance, own: Own, ends?: EndHooks): FastifyInstance {
  const scope: FastifyInstance = Object.create(instance, {
    mcp: { value: own.mcp },
    dataDir: { get: own.dataDir },
    decorate: { value: (...args: Parameters<FastifyInstance['decorate']>) => { instance.decorate(...args); return scope } },
    register: { value: (plugin: ToolPlugin, options: object) => instance.register(typeof plugin === 'function' ? boundTo(own, plugin, ends) : plugin, options) },
    ...(ends && { addHook: { value: addHookOf(instance, ends) } })
  })
  return scope
}

function addHookOf (instance: FastifyInstance, ends: EndHooks) {
  const { addHook } = instance
  return function (this: FastifyInstance, name: string, hook: EndHook): FastifyInstance {
    if (name === 'onClose') ends.push(() => run(hook, instance))
    else if (name === 'preClose') ends.push(() => run(hook))
    else (addHook as (name: string, hook: EndHook) => void).call(this, name, hook)
    return this
  }
}

async function run (hook: EndHook, ...args: unknown[]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const ended = hook(...args, (error?: unknown) => error ? reject(error as Error) : resolve()) as PromiseLike<void> | undefined
    if (typeof ended?.then === 'function') ended.then(resolve, reject)
    else if (hook.length <= args.length) resolve() // it takes no callback
  })
}
