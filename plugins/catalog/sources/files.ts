// Loads every tool file of a folder. Not by autoload, which skips a file without a default export in silence and cannot
// say which file an error came from: here a broken tool stops the boot with one line that names file and cause.
import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ConfigurationError } from '../../../lib/configuration-error.ts'
import { boundTo } from './bound-plugin.ts'
import { shown, toolFiles, type ToolFolder } from './tool-folder.ts'
import { shareDependencies } from './tool-modules.ts'

export default fp(async function loadTools (fastify: FastifyInstance, { folders }: { folders: ToolFolder[] }) {
  const { mcp } = fastify
  for (const folder of folders) {
    if (folder.setting !== undefined) shareDependencies(folder.dir)
    for (const file of await toolFiles(folder)) {
      const registrar = mcp.registrar(shown(file))
      try {
        const { default: plugin } = await import(pathToFileURL(file).href)
        if (typeof plugin !== 'function') throw new Error('it has no default export that is a function')
        const offer = registrar.collect()
        await fastify.register(boundTo(offer, plugin))
        registrar.serve(offer)
      } catch (error) {
        if (error instanceof ConfigurationError) throw error
        throw new ConfigurationError([`${registrar.owner}: ${firstLine(error)}`], { cause: error })
      }
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
}, { name: 'tools', dependencies: ['catalog', 'http'] })

const firstLine = (error: unknown): string => {
  const { message, code } = error as NodeJS.ErrnoException
  const line = String(message ?? error).split('\n').find(text => text.trim() !== '') ?? ''
  return code === 'ERR_MODULE_NOT_FOUND' ? line.replace(/ imported from .*/, '') : line
}
