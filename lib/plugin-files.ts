// What autoload would pass over in silence: a file among plugins that is none.
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { ConfigurationError } from './configuration-error.ts'

/**
 * Checks that everything that autoload takes from a folder is a plugin: each file, and of a folder with an index that alone.
 * @param except what is not loaded from there, by its path below the folder: `/auth/index.ts`
 * @throws ConfigurationError that names each file without a default export that is a function
 */
export async function requirePlugins (dir: string, except: (file: string) => boolean): Promise<void> {
  const files = (await filesOf(dir)).filter(file => !except(file.slice(dir.length)))
  const isPlugin = await Promise.all(files.map(async file => typeof (await import(pathToFileURL(file).href)).default === 'function'))
  const others = files.filter((_, index) => !isPlugin[index])
  if (others.length > 0) throw new ConfigurationError(others.map(file => `${path.relative(process.cwd(), file)} is no Fastify plugin: it has no default export that is a function`))
}

async function filesOf (dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true })
  if (entries.some(({ name }) => name === 'index.ts')) return [path.join(dir, 'index.ts')]
  const found = entries.map(async entry => {
    const file = path.join(dir, entry.name)
    return entry.isDirectory() ? await filesOf(file) : entry.name.endsWith('.ts') ? [file] : []
  })
  return (await Promise.all(found)).flat().sort()
}
