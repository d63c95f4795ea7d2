// Where the plugin of a tool file runs once the server is ready, and Fastify takes no more plugins: in an instance of its
// own, which has the decorators of the server and is closed with the version of the file.
import Fastify, { type FastifyInstance } from 'fastify'
import { boundTo, type Own, type ToolPlugin } from './bound-plugin.ts'

/** What belongs to the server that listens, which cannot be had any more. */
const TAKES_RESTART = [
  'route', 'get', 'head', 'post', 'put', 'patch', 'delete', 'options', 'all', 'decorateRequest', 'decorateReply', 'setErrorHandler', 'setNotFoundHandler',
  'addContentTypeParser', 'addHttpMethod', 'setValidatorCompiler', 'setSerializerCompiler'
] as const
const OWN_HOOKS = new Set(['onReady', 'onListen', 'preClose', 'onClose'])
const REGISTERED_PLUGINS = Symbol.for('registered-plugin') // what fastify-plugin's dependencies are looked up in

export interface ToolScope { readonly close: () => Promise<void> }

/**
 * Runs a plugin, its onReady hooks included.
 * @throws whatever the plugin throws, or Error when it wants what takes a restart; it is closed then
 */
export async function openScope (app: FastifyInstance, own: Own, plugin: ToolPlugin, options: object): Promise<ToolScope> {
  const scope: any = Fastify({ loggerInstance: app.log, pluginTimeout: app.initialConfig.pluginTimeout ?? 0 })
  for (const name of namesOf(app)) if (!(name in scope)) Object.defineProperty(scope, name, { get: () => app[name as keyof FastifyInstance], configurable: true })
  scope[REGISTERED_PLUGINS] = Object.create((app as any)[REGISTERED_PLUGINS])
  for (const method of TAKES_RESTART) scope[method] = () => { throw new Error(`it calls fastify.${method}, which takes a restart`) }
  const { addHook } = scope
  scope.addHook = function (name: string, hook: unknown) {
    if (!OWN_HOOKS.has(name)) throw new Error(`it adds the hook ${name}, which takes a restart`)
    return addHook.call(this, name === 'onListen' ? 'onReady' : name, hook) // the server listens already
  }
  try {
    await scope.register(boundTo(own, plugin), options)
    await scope.ready()
    return { close: () => scope.close() }
  } catch (error) {
    await scope.close().catch(() => {})
    throw error
  }
}

/** Every name that an instance or those that it inherits from have. */
function namesOf (app: FastifyInstance): Set<string> {
  const names = new Set<string>()
  for (let one: object = app; one !== Object.prototype && one !== null; one = Object.getPrototypeOf(one)) for (const name of Object.getOwnPropertyNames(one)) names.add(name)
  return names
}
