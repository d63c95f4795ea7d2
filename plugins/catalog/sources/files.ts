// Loads every tool file of some folders. Not by autoload, which skips a file without a default export in silence and cannot
// say which file an error came from: here a broken tool stops the boot with one line that names file and cause.
import { realpath } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ConfigurationError } from '../../../lib/configuration-error.ts'
import { ConfigSchema, RETIRED } from '../../config.ts'
import { requireTrusted } from '../../../lib/trusted-files.ts'
import { boundTo, type EndHooks } from './bound-plugin.ts'
import { dataFolderOf } from './data-folder.ts'
import { inFile } from './fault.ts'
import { LoadLimit } from './load-limit.ts'
import type { ToolReload } from './reload.ts'
import { importTool, registersNothing, type ToolModule } from './tool-file.ts'
import { admit, toolFiles, type ToolFolder } from './tool-folder.ts'
import { ModuleVersions } from './tool-modules.ts'
import { type DeclaredSettings, ToolSettings } from './tool-settings.ts'

export default fp(async function loadTools (fastify: FastifyInstance, { folders }: { folders: ToolFolder[] }) {
  const { mcp } = fastify
  const toolSettings = new ToolSettings(Object.keys(ConfigSchema.properties), fastify.hideFromLog)
  fastify.decorate('toolSettings', toolSettings)
  for (const { dir, setting } of folders) requireTrusted(dir, setting ?? 'tools', setting !== undefined) // before anything of it runs
  const reload = fastify.config.TOOLS_RELOAD === 'on' ? await openReload(fastify, folders) : undefined
  fastify.decorate('toolReload', reload)
  const files: string[] = []
  for (const folder of folders) {
    const found = await toolFiles(folder)
    for (const place of await admit(folder, found)) reload?.include(place)
    files.push(...found)
  }

  // What comes with MCPX ends; what does not is looked after.
  const limit = new LoadLimit(reload !== undefined || folders.some(({ setting }) => setting !== undefined))
  try {
    for (const [file, module, settings] of await readAll(files)) {
      const registrar = mcp.registrar(module.owner)
      try {
        const offer = registrar.collect()
        const ends: EndHooks | undefined = reload && []
        await limit.run(() => fastify.register(boundTo({ mcp: offer, dataDir: dataFolderOf(fastify.config, file) }, module.plugin, ends), { settings: settings.values }), false)
        registrar.serve(offer)
        if (offer.isEmpty) fastify.log.warn({ file: module.owner }, registersNothing(module.owner))
        reload?.adopt(file, registrar, { offer, settings, close: async () => { for (const end of ends?.toReversed() ?? []) await end() } })
      } catch (error) {
        throw await inFile(file, error)
      }
    }
  } finally {
    await limit.close()
  }

  fastify.addHook('onReady', async () => {
    mcp.open()
    reload?.begin()
  })
  for (const line of fastify.config.environment.unread(toolSettings.names.union(new Set([...Object.keys(RETIRED), 'HTTPS_PROXY', 'NO_PROXY'])))) fastify.log.warn(line)
  if (mcp.unknownDisabled.length > 0) {
    const known = [...mcp.tools.keys(), ...mcp.dropped].sort().join(', ')
    throw new ConfigurationError([`TOOLS_DISABLED: no tool is called ${mcp.unknownDisabled.join(', ')}; there are ${known}`])
  }
  fastify.lifecycle.checks.set('tools', () => {
    const unconfigured = [...mcp.tools.values()].map(({ definition, config }) => [definition.name, config.configured?.() ?? true] as const).filter(([, state]) => state !== true)
    return { ok: unconfigured.length === 0, ...(unconfigured.length > 0 && { detail: unconfigured.map(([name, why]) => `${name} is not configured: ${why}`).join('; ') }) }
  })

  /** Imports the files, and reads their settings: what is wrong with any of those is said at once. */
  async function readAll (files: string[]): Promise<[string, ToolModule, DeclaredSettings][]> {
    const read: [string, ToolModule, DeclaredSettings][] = []
    const problems: string[] = []
    for (const file of files) {
      try {
        const module = await limit.run(() => importTool(file))
        const settings = toolSettings.read(module.owner, module.settings, fastify.config.environment)
        toolSettings.keep(settings)
        read.push([file, module, settings])
      } catch (error) {
        problems.push(...(await inFile(file, error)).problems)
      }
    }
    if (problems.length > 0) throw new ConfigurationError(problems)
    return read
  }
}, { name: 'tools', dependencies: ['catalog', 'http', 'log'] })

/** Follows the files from before they are read. */
async function openReload (fastify: FastifyInstance, folders: ToolFolder[]): Promise<ToolReload> {
  const { ToolReload } = await import('./reload.ts') // with what only it needs
  for (const folder of folders) folder.dir = await realpath(folder.dir).catch(() => folder.dir)
  const reload = new ToolReload(fastify, folders, new ModuleVersions(folders.map(({ dir }) => dir)))
  fastify.mcp.grow()
  fastify.lifecycle.checks.set('tool_files', () => ({ ok: reload.problems.length === 0, ...(reload.problems.length > 0 && { detail: reload.problems.join('; ') }) }))
  fastify.addHook('onClose', async () => await reload.close())
  await reload.open()
  return reload
}
