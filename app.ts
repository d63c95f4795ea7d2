// The composition: plugins, then the auth plugin that AUTH_MODE names, then tools, then routes.
import path from 'node:path'
import autoload from '@fastify/autoload'
import Fastify, { type FastifyInstance, LogController } from 'fastify'
import { requirePlugins } from './lib/plugin-files.ts'
import type { Config } from './plugins/config.ts'
import { below } from './plugins/http/public-path.ts'
import { refuseUnreadable } from './plugins/http/errors.ts'
import { requestIdOf } from './plugins/http/request-id.ts'
import { openLog } from './plugins/log/index.ts'
import loadTools from './plugins/catalog/sources/files.ts'
import type { ToolFolder } from './plugins/catalog/sources/tool-folder.ts'

const here = (folder: string): string => path.join(import.meta.dirname, folder)

/**
 * Builds the server, ready to listen.
 * @throws ConfigurationError when the set-up is wrong: a setting, a tool file, the data folder
 */
export async function buildApp (config: Config, logTo?: NodeJS.WritableStream): Promise<FastifyInstance> {
  const { logger, writeLine, hide } = await openLog(config, logTo)
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }), // plugins/log/index.ts writes one line a request instead of two
    genReqId: requestIdOf,
    trustProxy: config.TRUST_PROXY[0] === 'none' ? false : config.TRUST_PROXY,
    bodyLimit: config.MAX_BODY_BYTES,
    requestTimeout: 30_000, // to receive a request in whole; a response may take as long as it takes
    keepAliveTimeout: config.IDLE_CONNECTION_SECONDS * 1000,
    http: { headersTimeout: 15_000 },
    clientErrorHandler: refuseUnreadable,
    ...(config.publicPath !== '' && { rewriteUrl: below(config.publicPath) }),
    pluginTimeout: 60_000, // for one plugin to start: on a busy machine hashing a password alone may take Fastify's ten seconds
    forceCloseConnections: 'idle'
  })

  await loadAll(app, 'plugins', /^\/(auth|accounts)\//, { config, writeLine, hide })
  await app.register(import(`./plugins/auth/${config.AUTH_MODE}/index.ts`))
  if (config.MCP_SERVERS !== undefined) await app.register(import('./plugins/catalog/sources/remote/index.ts'))
  await app.register(loadTools, { folders: toolFolders(config) })
  await loadAll(app, 'routes', /^\/oauth\//)
  await app.ready()
  return app
}

/** Registers every plugin of a folder but those that come with AUTH_MODE. */
async function loadAll (app: FastifyInstance, folder: string, withAuth: RegExp, options?: object): Promise<void> {
  const ignoreFilter = (file: string): boolean => withAuth.test(file)
  await requirePlugins(here(folder), ignoreFilter)
  await app.register(autoload, { dir: here(folder), maxDepth: 1, ignoreFilter, options })
}

function toolFolders ({ TOOLS_DIR }: Config): ToolFolder[] {
  return [{ dir: here('tools') }, ...(TOOLS_DIR ? [{ dir: path.resolve(TOOLS_DIR), setting: 'TOOLS_DIR' }] : [])]
}
