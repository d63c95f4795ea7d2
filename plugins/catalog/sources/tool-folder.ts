// Which files of a folder are tool files, and where they are: links are followed.
import { readdir, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { ConfigurationError } from '../../../lib/configuration-error.ts'
import { requireTrusted } from '../../../lib/trusted-files.ts'
import { shareDependencies } from './tool-modules.ts'

export interface ToolFolder {
  dir: string
  /** The setting that named the folder, for messages. */
  readonly setting?: string
}

/** The tools of a folder: a file each, or a folder with an index. Tests, and what starts with _ or a dot, are none. */
export async function toolFiles ({ dir, setting }: ToolFolder): Promise<string[]> {
  try {
    const entries = await readdir(dir, { withFileTypes: true })
    const files = entries
      .filter(entry => !/^[._]/.test(entry.name) && entry.name !== 'node_modules')
      .map(async entry => {
        const file = path.join(dir, entry.name)
        const isFolder = entry.isDirectory() || (entry.isSymbolicLink() && await leadsToFolder(file))
        if (!isFolder) return isScript(entry.name) ? file : undefined
        const index = (await readdir(file)).find(name => /^index\.(ts|js|mjs)$/.test(name))
        return index && path.join(file, index)
      })
    return (await Promise.all(files)).filter(file => file !== undefined).sort()
  } catch (error) {
    throw new ConfigurationError([`${setting ?? dir}: the folder ${dir} cannot be read (${(error as NodeJS.ErrnoException).code})`])
  }
}

/** A link to nothing is a file that is not there, and is named as such when it is loaded. */
const leadsToFolder = async (link: string): Promise<boolean> => (await stat(link).catch(() => undefined))?.isDirectory() ?? false

/**
 * Makes sure that nobody else can change what is loaded from a folder, there and where links lead, and lets it import what MCPX
 * has. Answers the real folders.
 * @throws ConfigurationError
 */
export async function admit ({ dir, setting }: ToolFolder, files: readonly string[]): Promise<string[]> {
  const own = await realpath(dir).catch(() => dir)
  const places = new Set([own])
  for (const file of files) {
    const target = await realpath(file).catch(() => file)
    if (![...places].some(place => target.startsWith(place + path.sep))) places.add(path.dirname(target))
  }
  for (const place of places) {
    requireTrusted(place, setting ?? 'tools', setting !== undefined)
    if (setting !== undefined || place !== own) shareDependencies(place)
  }
  return [...places]
}

const isScript = (name: string): boolean => /\.(ts|js|mjs)$/.test(name) && !/\.(test|d)\.ts$/.test(name)

/** What the file of a tool is called, or its folder: `get_weather`. */
export const baseName = (file: string): string => path.parse(path.basename(file).startsWith('index.') ? path.dirname(file) : file).name

/** The name of a file in messages. */
export const shown = (file: string): string => path.relative(process.cwd(), file)
