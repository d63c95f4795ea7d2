// Serves tool files as they are now (TOOLS_RELOAD=on). A file is taken with all that it imports or not at all: while it is
// broken its former version goes on, and calls end on the version that they began with.
import { realpath } from 'node:fs/promises'
import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import { ConfigurationError } from '../../../lib/configuration-error.ts'
import type { Environment } from '../../../lib/environment.ts'
import type { Registrar } from '../registrar.ts'
import { inFile } from './fault.ts'
import { FolderWatch } from './folder-watch.ts'
import { LoadLimit } from './load-limit.ts'
import { registersNothing } from './tool-file.ts'
import { admit, shown, toolFiles, type ToolFolder } from './tool-folder.ts'
import type { ModuleVersions } from './tool-modules.ts'
import type { DeclaredSettings } from './tool-settings.ts'
import { callsOver, loadVersion, type Version } from './tool-version.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Of TOOLS_RELOAD=on. */
    toolReload: ToolReload | undefined
  }
}

interface ToolFile {
  readonly file: string
  readonly registrar: Registrar
  version?: Version | undefined
  /** Why it is not served as it is. */
  problem?: string | undefined
  /** The names of the settings that it declared when it was last read, and what they were read from. */
  settings?: { readonly names: readonly string[], readonly environment: Environment } | undefined
}

export class ToolReload {
  /** Is told in a line what became of a file, for whoever sits at the terminal. */
  tell: (line: string) => void = () => {}
  readonly #app: FastifyInstance
  readonly #folders: readonly ToolFolder[]
  readonly #modules: ModuleVersions
  readonly #watch: FolderWatch
  readonly #files = new Map<string, ToolFile>()
  readonly #retiring = new Set<Promise<void>>()
  readonly #begun = Promise.withResolvers<void>()
  #environment: Environment
  #closing = false

  /** @param folders with their real paths */
  constructor (app: FastifyInstance, folders: readonly ToolFolder[], modules: ModuleVersions) {
    this.#app = app
    this.#folders = folders
    this.#modules = modules
    const { environment } = app.config
    this.#environment = environment
    this.#watch = new FolderWatch(folders.map(({ dir }) => dir), environment.file === '' ? [] : [path.resolve(environment.file)], async changed => {
      await this.#begun.promise
      if (!this.#closing) await this.#round(changed).catch((error: unknown) => app.log.error({ err: error }, 'tool files could not be looked through'))
    })
  }

  /** Watches from before the first version of a file is read. */
  async open (): Promise<void> { await this.#watch.open() }

  /** A folder to which a link leads: its modules are read again too. */
  include (dir: string): void { this.#modules.include(dir) }

  /** Serves changes, those of meanwhile included, once the start has loaded all files. */
  begin (): void { this.#begun.resolve() }

  /** Takes over a file that the start has loaded. */
  adopt (file: string, registrar: Registrar, version: Version): void {
    this.#files.set(file, { file, registrar, version, settings: { names: Object.keys(version.settings.schemas), environment: this.#environment } })
  }

  /** A line for each file that is not served as it is now. */
  get problems (): string[] { return [...this.#files.values()].flatMap(({ problem }) => problem ?? []) }

  async close (): Promise<void> {
    this.#closing = true
    this.#begun.resolve()
    await this.#watch.close()
    this.#modules.close()
    await Promise.all([...this.#retiring, ...[...this.#files.values()].map(({ version }) => version && this.#end(version))])
  }

  async #round (changed: ReadonlySet<string>): Promise<void> {
    const present = new Set((await Promise.all(this.#folders.map(toolFiles))).flat())
    const affected = await this.#renew(changed)
    this.#rereadEnvironment()
    const leaving = [...this.#files.values()].filter(({ file }) => !present.has(file))
    const known = (file: string): ToolFile => this.#files.get(file) ?? { file, registrar: this.#app.mcp.registrar(shown(file)) }
    const isAffected = await Promise.all([...present].map(async file => affected.has(file) || affected.has(await realpath(file).catch(() => file)))) // modules are known by their real paths
    const stale = [...present].filter((file, i) => isAffected[i] === true || this.#waits(file)).map(known)
    if (leaving.length + stale.length === 0) return

    const owners = new Set([...leaving, ...stale].map(({ registrar }) => registrar.owner))
    const next = await this.#loadAll(stale, owners)
    if (this.#closing) return void await Promise.all([...next.values()].map(version => this.#end(version)))
    this.#commit(leaving, next, owners)
  }

  /** Finds out what changes of some files touch. */
  async #renew (changed: ReadonlySet<string>): Promise<Set<string>> {
    const touched = new Set<string>()
    for (const file of changed) {
      touched.add(file).add(await realpath(file).catch(() => file))
      // A file that is no module, and that a tool in a folder may have read: the whole of it is read again.
      const { dir } = this.#folders.find(({ dir }) => file.startsWith(dir + path.sep)) ?? { dir: undefined }
      const [part = ''] = dir === undefined ? [] : path.relative(dir, file).split(path.sep)
      const folder = dir !== undefined && path.join(dir, part) !== file ? path.join(dir, part) : undefined
      if (folder !== undefined && !this.#modules.knows(file)) for (const module of this.#modules.below(await realpath(folder).catch(() => folder))) touched.add(module)
    }
    return this.#modules.renew(touched)
  }

  #rereadEnvironment (): void {
    try {
      this.#environment = this.#environment.reread()
    } catch (error) {
      this.#app.log.warn({ err: error }, 'settings of tools are as they were')
    }
  }

  /** Whether a file is to be tried although it has not changed: it is new, what it lacked may be there now, or it is set otherwise. */
  #waits (file: string): boolean {
    const known = this.#files.get(file)
    if (known === undefined || known.problem !== undefined) return true
    const { names, environment } = known.settings ?? {}
    return names?.some(name => environment?.get(name) !== this.#environment.get(name)) ?? false
  }

  /** Loads what has changed; what cannot be is refused. */
  async #loadAll (stale: readonly ToolFile[], owners: ReadonlySet<string>): Promise<Map<ToolFile, Version>> {
    const next = new Map<ToolFile, Version>()
    if (stale.length === 0) return next
    const limit = new LoadLimit(true)
    for (const file of stale) {
      this.#files.set(file.file, file)
      try {
        next.set(file, await this.#load(file, limit, owners))
      } catch (error) {
        this.#refuse(file, await inFile(file.file, error))
      }
    }
    await limit.close()
    return next
  }

  async #load (tool: ToolFile, limit: LoadLimit, leaving: ReadonlySet<string>): Promise<Version> {
    const { file, registrar } = tool
    const environment = this.#environment
    const folder = this.#folders.find(({ dir }) => file.startsWith(dir + path.sep))
    if (folder !== undefined) for (const place of await admit(folder, [file])) this.include(place) // before anything of it runs
    return await loadVersion(this.#app, file, registrar, limit, ({ owner, settings }) => {
      tool.settings = { names: Object.keys((settings as { properties?: object } | undefined)?.properties ?? {}), environment }
      return this.#app.toolSettings.read(owner, settings, environment, leaving)
    })
  }

  #commit (leaving: readonly ToolFile[], next: Map<ToolFile, Version>, owners: ReadonlySet<string>): void {
    const { mcp, toolSettings } = this.#app
    const drop = (file: ToolFile, version: Version, error: unknown): void => {
      next.delete(file)
      this.#refuse(file, error)
      void this.#end(version)
    }
    const accepted: DeclaredSettings[] = []
    for (const [file, version] of next) {
      const names = Object.keys(version.settings.schemas)
      const other = accepted.find(({ schemas }) => names.some(name => name in schemas))
      const clash = toolSettings.clash(version.settings, owners) ?? (other && new Error(`the setting ${names.find(name => name in other.schemas)} is declared by ${other.owner} already; call it otherwise`))
      if (clash === undefined) accepted.push(version.settings)
      else drop(file, version, clash)
    }

    const former = new Map([...leaving, ...next.keys()].map(file => [file, file.version]))
    const refusals = mcp.apply(new Map([...leaving.map(({ registrar }) => [registrar, undefined] as const), ...[...next].map(([{ registrar }, { offer }]) => [registrar, offer] as const)]))
    for (const [file, version] of next) {
      const refusal = refusals.get(file.registrar)
      if (refusal !== undefined) drop(file, version, refusal)
    }

    for (const file of leaving) {
      this.#files.delete(file.file)
      toolSettings.drop(file.registrar.owner)
      this.#say(file, 'was deleted, and what it brought is gone')
    }
    for (const [file, version] of next) {
      file.version = version
      file.problem = undefined
      toolSettings.keep(version.settings)
      if (version.offer.isEmpty) this.#tell('warn', file, registersNothing(file.registrar.owner))
      else this.#say(file, former.get(file) === undefined ? 'is served' : 'is served as it is now')
    }
    for (const [file, version] of former) if (file.version !== version || leaving.includes(file)) this.#retire(version)
  }

  #say (file: ToolFile, what: string): void { this.#tell('info', file, `${file.registrar.owner} ${what}`) }

  #tell (level: 'info' | 'warn', { registrar: { owner } }: ToolFile, line: string): void {
    this.#app.log[level]({ file: owner }, line)
    this.tell(line)
  }

  #refuse (file: ToolFile, error: unknown): void {
    const { owner } = file.registrar
    const problems = error instanceof ConfigurationError ? error.problems : [`${owner}: ${(error as Error).message}`]
    const problem = problems.map(line => line.startsWith(owner) ? line : `${owner}: ${line}`).join('; ')
    const before = file.problem
    file.problem = `${problem} (${file.version === undefined ? 'it is not served' : 'its former version is served'})`
    if (file.problem === before) return // it was tried again as something else has changed
    this.#app.log.error({ err: error, file: owner }, file.problem)
    this.tell(file.problem)
  }

  /** Closes a version that is no longer served, once the calls that it has are over. */
  #retire (version: Version | undefined): void {
    if (version === undefined) return
    const over = callsOver(version, this.#app.mcp.inFlight, () => this.#closing).then(() => this.#end(version)).finally(() => this.#retiring.delete(over))
    this.#retiring.add(over)
  }

  async #end (version: Version): Promise<void> {
    try {
      await version.close()
    } catch (error) {
      this.#app.log.error({ err: error, file: version.settings.owner }, `a version of ${version.settings.owner} could not be closed`)
    }
  }
}
