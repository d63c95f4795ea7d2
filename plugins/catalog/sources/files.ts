// Loads every tool file of a folder. Not by autoload, which skips a file without a default export in silence and cannot
// say which file an error came from: here a broken tool stops the boot with one line that names file and cause.
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ConfigurationError } from '../../../lib/configuration-error.ts'
import { ConfigSchema } from '../../config.ts'
import { requireTrusted } from '../../../lib/trusted-files.ts'
import { boundTo } from './bound-plugin.ts'
import { firstLine, importTool, type ToolModule } from './tool-file.ts'
import { shown, toolFiles, type ToolFolder } from './tool-folder.ts'
import { shareDependencies } from './tool-modules.ts'
import { type DeclaredSettings, ToolSettings } from './tool-settings.ts'

export default fp(async function loadTools (fastify: FastifyInstance, { folders }: { folders: ToolFolder[] }) {
  const { mcp } = fastify
  const toolSettings = new ToolSettings(Object.keys(ConfigSchema.properties), fastify.hideFromLog)
  fastify.decorate('toolSettings', toolSettings)
  for (const { dir, setting } of folders) requireTrusted(dir, setting ?? 'tools', setting !== undefined) // before anything of it runs
  for (const { dir, setting } of folders) if (setting !== undefined) shareDependencies(dir)
  const files = (await Promise.all(folders.map(toolFiles))).flat()

  for (const [module, settings] of await readAll(files)) {
    const registrar = mcp.registrar(module.owner)
    try {
      const offer = registrar.collect()
      await fastify.register(boundTo(offer, module.plugin), { settings: settings.values })
      registrar.serve(offer)
    } catch (error) {
      throw inFile(registrar.owner, error)
    }
  }

  fastify.addHook('onReady', async () => mcp.open())
  if (mcp.unknownDisabled.length > 0) {
    const known = [...mcp.tools.keys(), ...mcp.dropped].sort().join(', ')
    throw new ConfigurationError([`TOOLS_DISABLED: no tool is called ${mcp.unknownDisabled.join(', ')}; there are ${known}`])
  }
  fastify.lifecycle.checks.set('tools', () => {
    const unconfigured = [...mcp.tools.values()].map(({ definition, config }) => [definition.name, config.configured?.() ?? true] as const).filter(([, state]) => state !== true)
    return { ok: unconfigured.length === 0, ...(unconfigured.length > 0 && { detail: unconfigured.map(([name, why]) => `${name} is not configured: ${why}`).join('; ') }) }
  })

  /** Imports the files, and reads their settings: what is wrong with any of those is said at once. */
  async function readAll (files: string[]): Promise<[ToolModule, DeclaredSettings][]> {
    const read: [ToolModule, DeclaredSettings][] = []
    const problems: string[] = []
    for (const file of files) {
      try {
        const module = await importTool(file)
        const settings = toolSettings.read(module.owner, module.settings, fastify.config.environment)
        toolSettings.keep(settings)
        read.push([module, settings])
      } catch (error) {
        problems.push(...inFile(shown(file), error).problems)
      }
    }
    if (problems.length > 0) throw new ConfigurationError(problems)
    return read
  }
}, { name: 'tools', dependencies: ['catalog', 'http', 'log'] })

const inFile = (file: string, error: unknown): ConfigurationError =>
  error instanceof ConfigurationError ? error : new ConfigurationError([`${file}: ${firstLine(error)}`], { cause: error })
