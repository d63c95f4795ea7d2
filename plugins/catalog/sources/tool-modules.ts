// How the modules of tools are found, and how those that have changed are read again.
import { createRequire, registerHooks, type ResolveHookSync } from 'node:module'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** The URLs of folders whose files have it. */
const sharing = new Set<string>()
const isSharing = (url: string): boolean => [...sharing].some(folder => url.startsWith(folder))

/** Lets tools outside the tree import 'mcpx', and what MCPX itself depends on, without a node_modules of their own. @param dir its real path */
export function shareDependencies (dir: string): void {
  if (sharing.size === 0) registerHooks({ resolve: resolveShared })
  sharing.add(pathToFileURL(dir + path.sep).href)
}

const resolveShared: ResolveHookSync = (specifier, context, nextResolve) => {
  const ours = context.parentURL !== undefined && isSharing(context.parentURL)
  if (ours && /^mcpx(?:$|\/)/.test(specifier)) return nextResolve(specifier, { ...context, parentURL: import.meta.url })
  try {
    const found = nextResolve(specifier, context)
    return withoutVersion(found.url).endsWith('.ts') && isSharing(found.url) ? { ...found, format: 'module-typescript' } : found
  } catch (error) {
    if (!ours || /^[./]/.test(specifier)) throw error
    try {
      return nextResolve(specifier, { ...context, parentURL: import.meta.url })
    } catch {
      throw error // which names the tool's file, and not this one
    }
  }
}

// Never the same twice, as Node keeps every module that it has read, by its URL.
let reads = 0

/**
 * Which modules of some folders import which, and the version in which each is to be read. Node has no way to forget a
 * module: what was read before stays in memory until the process ends, some kilobytes for each file that is read again.
 */
export class ModuleVersions {
  readonly #folders = new Set<string>()
  readonly #versions = new Map<string, number>()
  /** By the URL of a module, those that import it, or would if it were there. */
  readonly #importers = new Map<string, Set<string>>()
  readonly #hooks: { deregister: () => void }

  /** @param dirs real paths of the folders; what is elsewhere, or in their node_modules, is read once */
  constructor (dirs: readonly string[]) {
    for (const dir of dirs) this.include(dir)
    this.#hooks = registerHooks({
      resolve: (specifier, context, nextResolve) => {
        const parent = context.parentURL === undefined ? undefined : withoutVersion(context.parentURL)
        try {
          const found = nextResolve(specifier, context)
          const url = withoutVersion(found.url)
          if (!this.#has(url)) return found
          this.#note(url, parent)
          const version = this.#versions.get(url)
          return version === undefined ? found : { ...found, url: `${url}${url.includes('?') ? '&' : '?'}${MARK}${version}` }
        } catch (error) {
          if (parent !== undefined && /^\.\.?\//.test(specifier)) this.#note(new URL(specifier, parent).href, parent)
          throw error
        }
      }
    })
  }

  /** A further folder, to which a link leads. */
  include (dir: string): void { this.#folders.add(pathToFileURL(dir + path.sep).href) }

  /** Has files, and every module that imports them, read again when they are next imported; answers the paths of all of those. */
  renew (files: Iterable<string>): Set<string> {
    const urls = new Set([...files].map(file => pathToFileURL(file).href))
    for (const url of urls) for (const importer of this.#importers.get(url) ?? []) urls.add(importer) // which goes on with what it adds
    for (const url of urls) {
      this.#versions.set(url, ++reads)
      delete createRequire(import.meta.url).cache[fileURLToPath(url)] // where those that are CommonJS are kept
    }
    return new Set([...urls].map(url => fileURLToPath(url)))
  }

  /** The modules below a folder that have been imported. */
  below (dir: string): string[] { return [...this.#importers.keys()].map(url => fileURLToPath(url)).filter(file => file.startsWith(dir + path.sep)) }

  knows (file: string): boolean { return this.#importers.has(pathToFileURL(file).href) }

  close (): void { this.#hooks.deregister() }

  #has (url: string): boolean { return [...this.#folders].some(folder => url.startsWith(folder) && !url.slice(folder.length).includes('node_modules/')) }

  #note (url: string, importer: string | undefined): void {
    if (!this.#has(url)) return
    const importers = this.#importers.get(url) ?? new Set()
    if (importer !== undefined && this.#has(importer)) importers.add(importer)
    this.#importers.set(url, importers)
  }
}

const MARK = 'read='
const withoutVersion = (url: string): string => url.replace(/[?&]read=\d+$/, '')
