// How the modules of tools are found.
import { registerHooks } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

/** Lets tools outside the tree import what MCPX itself depends on, without a node_modules of their own. */
export function shareDependencies (dir: string): void {
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
