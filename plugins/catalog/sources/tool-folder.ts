// Which files of a folder are tool files.
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { ConfigurationError } from '../../../lib/configuration-error.ts'

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

const isScript = (name: string): boolean => /\.(ts|js|mjs)$/.test(name) && !/\.(test|d)\.ts$/.test(name)

/** What the file of a tool is called, or its folder: `get_weather`. */
export const baseName = (file: string): string => path.parse(path.basename(file).startsWith('index.') ? path.dirname(file) : file).name

/** The name of a file in messages. */
export const shown = (file: string): string => path.relative(process.cwd(), file)
