// Serves what other servers of MCP have, those of the file of MCP_SERVERS: a source like the folders of tools.
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ConfigurationError } from '../../../../lib/configuration-error.ts'
import type { Environment } from '../../../../lib/environment.ts'
import { FolderWatch } from '../folder-watch.ts'
import type { ServerDefinition } from './definition.ts'
import { offerLists } from './offer.ts'
import { Relay } from './relay.ts'
import { RemoteServer } from './remote-server.ts'
import { readServersFile } from './servers-file.ts'
import { ServerStore } from './store.ts'

interface Mounted { readonly server: RemoteServer, readonly relay: Relay }

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
  fastify.addHook('onClose', async () => { await Promise.all([...mounted.values()].map(unmount)) })

  function readFile (environment: Environment): readonly ServerDefinition[] {
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
  async function serve (servers: readonly ServerDefinition[]): Promise<void> {
    const stays = new Set(servers.filter(definition => isDeepStrictEqual(mounted.get(definition.name)?.server.definition, definition)).map(({ name }) => name))
    for (const [name, one] of mounted) {
      if (stays.has(name)) continue
      mounted.delete(name)
      one.server.registrar.dispose()
      void unmount(one) // its calls end, and others are not to wait for that
    }
    for (const definition of servers) {
      if (stays.has(definition.name)) continue
      const server = new RemoteServer(definition, {
        store, log, registrar: mcp.guest(`${shown} (${definition.name})`),
        offer: async (server, lists) => {
          let lines: string[] = []
          await server.registrar.replace(host => { lines = offerLists(host, server, relay, lists) })
          return lines
        }
      })
      const relay = new Relay(server)
      mounted.set(definition.name, { server, relay })
      await server.open()
    }
  }

  async function unmount ({ server, relay }: Mounted): Promise<void> {
    relay.close()
    await server.close()
  }
}, { name: 'remote', dependencies: ['catalog', 'http', 'log'] })
