// Which files below some folders have changed. Events only say that it is time to look: editors write in many ways, and
// file systems that are shared or mounted tell of nothing, so that it is looked now and then without any.
import { createHash } from 'node:crypto'
import { type FSWatcher, watch } from 'node:fs'
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import path from 'node:path'

const QUIET_MS = 100 // an editor that renames has the file away for a moment
const LOOK_MS = 3000
const MOST_BYTES = 4 * 1024 * 1024

interface Seen { readonly stamp: string, readonly content: string }

export class FolderWatch {
  readonly #dirs: readonly string[]
  readonly #files: readonly string[]
  readonly #changed: (files: ReadonlySet<string>) => Promise<void>
  readonly #watchers: FSWatcher[] = []
  #seen = new Map<string, Seen>()
  #timer: NodeJS.Timeout | undefined
  #look: NodeJS.Timeout | undefined
  #looking = Promise.resolve()
  #closed = false

  /**
   * @param files further files, one by one
   * @param changed is told the files whose content is not what it was, the new and the deleted included, a round after the other
   */
  constructor (dirs: readonly string[], files: readonly string[], changed: (files: ReadonlySet<string>) => Promise<void>) {
    this.#dirs = dirs
    this.#files = files
    this.#changed = changed
  }

  /** From now on, changes are told. */
  async open (): Promise<void> {
    for (const dir of this.#dirs) this.#listen(dir, true)
    for (const dir of new Set(this.#files.map(file => path.dirname(file)))) this.#listen(dir, false)
    this.#look = setInterval(() => this.#soon(), LOOK_MS).unref()
    this.#seen = await this.#scan()
  }

  async close (): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    clearInterval(this.#look)
    for (const watcher of this.#watchers) watcher.close()
    await this.#looking
  }

  #listen (dir: string, recursive: boolean): void {
    try {
      const watcher = watch(dir, { recursive, persistent: false, ignore: /(^|[\\/])node_modules([\\/]|$)/ }, (_event, name) => {
        if (recursive || name === null || this.#files.includes(path.join(dir, name))) this.#soon()
      })
      this.#watchers.push(watcher.on('error', () => {})) // a folder that goes away; it is looked without
    } catch {}
  }

  #soon (): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => { this.#looking = this.#looking.then(() => this.#compare()) }, QUIET_MS).unref()
  }

  async #compare (): Promise<void> {
    if (this.#closed) return
    const before = this.#seen
    this.#seen = await this.#scan()
    const names = new Set([...before.keys(), ...this.#seen.keys()])
    const changed = new Set([...names].filter(name => before.get(name)?.content !== this.#seen.get(name)?.content))
    if (changed.size > 0 && !this.#closed) await this.#changed(changed)
  }

  async #scan (): Promise<Map<string, Seen>> {
    const found = [...(await Promise.all(this.#dirs.map(dir => filesBelow(dir)))).flat(), ...this.#files]
    const seen = await Promise.all(found.map(async file => [file, await this.#see(file)] as const))
    return new Map(seen.filter((one): one is [string, Seen] => one[1] !== undefined))
  }

  async #see (file: string): Promise<Seen | undefined> {
    try {
      const { mtimeMs, ctimeMs, size, ino } = await stat(file)
      const stamp = [mtimeMs, ctimeMs, size, ino].join()
      const before = this.#seen.get(file)
      if (before?.stamp === stamp) return before
      return { stamp, content: size > MOST_BYTES ? stamp : createHash('sha256').update(await readFile(file)).digest('base64') }
    } catch {
      return undefined // deleted meanwhile, or not for us
    }
  }
}

/** @param within the real folders that it is in: a link may lead back to one of them */
async function filesBelow (dir: string, within: readonly string[] = []): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => [])
  const found = entries.filter(({ name }) => name !== 'node_modules' && !name.startsWith('.')).map(async entry => {
    const file = path.join(dir, entry.name)
    if (entry.isDirectory()) return await filesBelow(file, within)
    if (!entry.isSymbolicLink() || (await stat(file).catch(() => undefined))?.isDirectory() !== true) return [file]
    const real = await realpath(file)
    return [dir, ...within].some(above => above === real || above.startsWith(real + path.sep)) ? [] : await filesBelow(file, [...within, real])
  })
  return (await Promise.all(found)).flat()
}
