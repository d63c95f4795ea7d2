// The composition: plugins, then the auth plugin that AUTH_MODE names, then tools, then routes.
import path from 'node:path'
import autoload from '@fastify/autoload'
import Fastify, { type FastifyInstance, LogController } from 'fastify'
import type { Config } from './plugins/config.ts'
import { refuseUnreadable } from './plugins/errors.ts'
import { openLog, requestId } from './plugins/log.ts'
import loadTools, { type ToolFolder } from './plugins/mcp/load-tools.ts'

const here = (folder: string): string => path.join(import.meta.dirname, folder)

/**
 * Builds the server, ready to listen.
 * @throws ConfigurationError when the set-up is wrong: a setting, a tool file, the data folder
 */
export async function buildApp (config: Config, logTo?: NodeJS.WritableStream): Promise<FastifyInstance> {
  const { logger, writeLine } = await openLog(config, logTo)
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }), // plugins/log.ts writes one line a request instead of two
    genReqId: requestId,
    trustProxy: config.TRUST_PROXY[0] === 'none' ? false : config.TRUST_PROXY,
    bodyLimit: config.MAX_BODY_BYTES,
    requestTimeout: 30_000, // to receive a request in whole; a response may take as long as it takes
    keepAliveTimeout: 75_000, // longer than nginx keeps its connections to us, or it may reuse one that we are closing
    http: { headersTimeout: 15_000 },
    clientErrorHandler: refuseUnreadable,
    pluginTimeout: 60_000, // for one plugin to start: on a busy machine hashing a password alone may take Fastify's ten seconds
    forceCloseConnections: 'idle'
  })

  await app.register(autoload, { dir: here('plugins'), ignoreFilter: file => file.startsWith('/auth'), options: { config, writeLine } })
  await app.register(import(`./plugins/auth/${config.AUTH_MODE}/index.ts`))
  await app.register(loadTools, { folders: toolFolders(config) })
  await app.register(autoload, { dir: here('routes'), ignoreFilter: file => file.startsWith('/oauth') }) // those come with their plugin
  await app.ready()
  return app
}

function toolFolders ({ TOOLS_DIR }: Config): ToolFolder[] {
  return [{ dir: here('tools') }, ...(TOOLS_DIR ? [{ dir: path.resolve(TOOLS_DIR), setting: 'TOOLS_DIR' }] : [])]
}
