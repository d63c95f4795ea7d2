// Serves what other servers of MCP have, those of the file of MCP_SERVERS: a source like the folders of tools.
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ConfigurationError } from '../../../../lib/configuration-error.ts'
import type { Environment } from '../../../../lib/environment.ts'
import type { Registrar } from '../../registrar.ts'
import { FolderWatch } from '../folder-watch.ts'
import { type Definition, isApi, type ServerDefinition } from './definition.ts'
import { offerLists } from './offer.ts'
import { Relay } from './relay.ts'
import { RemoteServer } from './remote-server.ts'
import type { ApiServer } from '../openapi/api-server.ts'
import { readServersFile } from './servers-file.ts'
import { ServerStore } from './store.ts'

interface Mounted { readonly server: RemoteServer | ApiServer, readonly close: () => Promise<void> }

export default fp(async function remote (fastify: FastifyInstance) {
  const { config, log, mcp } = fastify
  const shown = config.MCP_SERVERS ?? ''
  const store = new ServerStore(config.AUTH_DB_PATH)
  const mounted = new Map<string, Mounted>()
  let problems: string[] = []
  mcp.grow(tool => [...mounted.values()].some(({ server: { definition: { prefix } } }) => prefix === '' || tool.startsWith(`${prefix}_`)))
  fastify.lifecycle.checks.set('mcp_servers', () => {
    const servers = [...mounted.values()].map(({ server }) => server)
    const wrong = [...problems, ...servers.flatMap(({ problems }) => problems)]
    const lines = [...wrong, ...servers.flatMap(({ notes }) => notes)]
    return { ok: wrong.length === 0, ...(lines.length > 0 && { detail: lines.join('; ') }) }
  })
  await serve(readFile(config.environment))

  // Only what can change is looked at.
  const pinned = [...mounted.values()].some(({ server }) => server.definition.pin)
  const reloads = config.TOOLS_RELOAD === 'on'
  if (pinned || reloads) {
    const file = path.resolve(shown)
    const watch = new FolderWatch(pinned ? [store.acceptedFolder] : [], reloads ? [file] : [], async changed => {
      if (changed.has(file)) await reread()
      for (const { server } of mounted.values()) if (server.definition.pin) await server.offerAnew()
    })
    await watch.open()
    fastify.addHook('onClose', async () => await watch.close())
  }
  // The calls are over by then; what waits for an answer is not.
  fastify.addHook('onClose', async () => { await Promise.all([...mounted.values()].map(({ close }) => close())) })

  function readFile (environment: Environment): readonly Definition[] {
    const { servers, secrets } = readServersFile(shown, environment)
    fastify.hideFromLog(secrets)
    return servers
  }

  async function reread (): Promise<void> {
    try {
      await serve(readFile(config.environment.reread()))
      problems = []
      log.info({ file: shown }, `${shown} is served as it is now`)
    } catch (error) {
      problems = (error instanceof ConfigurationError ? error.problems : [`${shown}: ${(error as Error).message}`]).map(line => `${line} (what it said before is served)`)
      for (const line of problems) log.error({ file: shown }, line)
    }
  }

  /** Those whose definition is as it was go on as they are. */
  async function serve (servers: readonly Definition[]): Promise<void> {
    const stays = new Set(servers.filter(definition => isDeepStrictEqual(mounted.get(definition.name)?.server.definition, definition)).map(({ name }) => name))
    for (const [name, one] of mounted) {
      if (stays.has(name)) continue
      mounted.delete(name)
      one.server.registrar.dispose()
      void one.close() // its calls end, and others are not to wait for that
    }
    for (const definition of servers) {
      if (stays.has(definition.name)) continue
      const one = await mount(definition)
      mounted.set(definition.name, one)
      try {
        await one.server.open()
      } catch (error) {
        mounted.delete(definition.name)
        throw new ConfigurationError([`${shown}: ${definition.name}: ${(error as Error).message}`], { cause: error })
      }
    }
  }

  async function mount (definition: Definition): Promise<Mounted> {
    const registrar = mcp.guest(`${shown} (${definition.name})`)
    if (isApi(definition)) {
      const { ApiServer } = await import('../openapi/api-server.ts')
      const server = new ApiServer(definition, registrar, store, log)
      return { server, close: () => server.close() }
    }
    return mountServer(definition, registrar)
  }

  function mountServer (definition: ServerDefinition, registrar: Registrar): Mounted {
    const server = new RemoteServer(definition, { store, log, registrar, register: (host, server, lists) => offerLists(host, server, relay, lists) })
    const relay = new Relay(server)
    return {
      server,
      close: async () => {
        relay.close()
        await server.close()
      }
    }
  }
}, { name: 'remote', dependencies: ['catalog', 'http', 'log'] })
