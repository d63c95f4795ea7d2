// Loads every tool file of a folder. Not by autoload, which skips a file without a default export in silence and cannot
// say which file an error came from: here a broken tool stops the boot with one line that names file and cause.
import { readdir } from 'node:fs/promises'
import { registerHooks } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ConfigurationError } from '../../../lib/configuration-error.ts'

export interface ToolFolder {
  readonly dir: string
  /** The setting that named the folder, for messages. */
  readonly setting?: string
}

export default fp(async function loadTools (fastify: FastifyInstance, { folders }: { folders: ToolFolder[] }) {
  const { mcp } = fastify
  for (const folder of folders) {
    if (folder.setting !== undefined) shareDependencies(folder.dir)
    for (const file of await toolFiles(folder)) {
      mcp.owner = path.relative(process.cwd(), file)
      try {
        const { default: plugin } = await import(pathToFileURL(file).href)
        if (typeof plugin !== 'function') throw new Error('it has no default export that is a function')
        await fastify.register(plugin)
      } catch (error) {
        if (error instanceof ConfigurationError) throw error
        throw new ConfigurationError([`${mcp.owner}: ${firstLine(error)}`], { cause: error })
      }
    }
  }
  mcp.owner = 'app'
  if (mcp.unknownDisabled.length > 0) {
    const known = [...mcp.tools.keys(), ...mcp.dropped].sort().join(', ')
    throw new ConfigurationError([`TOOLS_DISABLED: no tool is called ${mcp.unknownDisabled.join(', ')}; there are ${known}`])
  }
  fastify.lifecycle.checks.set('tools', () => {
    const unconfigured = [...mcp.tools.values()].map(({ definition, config }) => [definition.name, config.configured?.() ?? true] as const).filter(([, state]) => state !== true)
    return { ok: unconfigured.length === 0, ...(unconfigured.length > 0 && { detail: unconfigured.map(([name, why]) => `${name} is not configured: ${why}`).join('; ') }) }
  })
}, { name: 'tools', dependencies: ['catalog', 'http'] })

/** The tools of a folder: a file each, or a folder with an index. Tests, and what starts with _ or a dot, are none. */
async function toolFiles ({ dir, setting }: ToolFolder): Promise<string[]> {
  try {
    const entries = await readdir(dir, { withFileTypes: true })
    const files = entries
      .filter(entry => !/^[._]/.test(entry.name) && entry.name !== 'node_modules' && (entry.isDirectory() || isScript(entry.name)))
      .map(async entry => {
        if (!entry.isDirectory()) return path.join(dir, entry.name)
        const index = (await readdir(path.join(dir, entry.name))).find(name => /^index\.(ts|js|mjs)$/.test(name))
        return index && path.join(dir, entry.name, index)
      })
    return (await Promise.all(files)).filter(file => file !== undefined).sort()
  } catch (error) {
    throw new ConfigurationError([`${setting ?? dir}: the folder ${dir} cannot be read (${(error as NodeJS.ErrnoException).code})`])
  }
}

/** Lets tools outside the tree import what MCPX itself depends on, without a node_modules of their own. */
function shareDependencies (dir: string): void {
  const folder = pathToFileURL(dir + path.sep).href
  registerHooks({
    resolve (specifier, context, nextResolve) {
      const ours = context.parentURL?.startsWith(folder)
      try {
        const found = nextResolve(specifier, context)
        return found.url.startsWith(folder) && found.url.endsWith('.ts') ? { ...found, format: 'module-typescript' } : found
      } catch (error) {
        if (!ours || /^[./]/.test(specifier)) throw error
        return nextResolve(specifier, { ...context, parentURL: import.meta.url })
      }
    }
  })
}

const isScript = (name: string): boolean => /\.(ts|js|mjs)$/.test(name) && !/\.(test|d)\.ts$/.test(name)

const firstLine = (error: unknown): string => {
  const { message, code } = error as NodeJS.ErrnoException
  const line = String(message ?? error).split('\n').find(text => text.trim() !== '') ?? ''
  return code === 'ERR_MODULE_NOT_FOUND' ? line.replace(/ imported from .*/, '') : line
}
