// A version of a tool file, from when it is read while the server runs until its last call has ended.
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { CallScope } from '../calls/call-scope.ts'
import type { Offer, Registrar } from '../registrar.ts'
import { dataFolderOf } from './data-folder.ts'
import type { LoadLimit } from './load-limit.ts'
import { importTool, type ToolModule } from './tool-file.ts'
import { openScope } from './tool-scope.ts'
import type { DeclaredSettings } from './tool-settings.ts'

const CALLS_MS = 50

export interface Version { readonly offer: Offer, readonly settings: DeclaredSettings, readonly close: () => Promise<void> }

/**
 * Reads a file and runs its plugin; nothing of it is served by that.
 * @throws whatever is wrong with it, and Error when that takes too long
 */
export async function loadVersion (app: FastifyInstance, file: string, registrar: Registrar, limit: LoadLimit, readSettings: (module: ToolModule) => DeclaredSettings): Promise<Version> {
  let loading: Promise<Version> | undefined
  try {
    return await limit.run(() => loading = load())
  } catch (error) {
    loading?.then(({ close }) => close(), () => {}) // late
    throw error
  }

  async function load (): Promise<Version> {
    const module = await importTool(file)
    const settings = readSettings(module)
    const offer = registrar.collect()
    const { close } = await openScope(app, { mcp: offer, dataDir: dataFolderOf(app.config, file) }, module.plugin, { settings: settings.values })
    return { offer, settings, close }
  }
}

/** Waits until a version that is no longer served has no calls left, or `hurry` says that it is to wait no longer. */
export async function callsOver ({ offer }: Version, inFlight: ReadonlySet<CallScope>, hurry: () => boolean): Promise<void> {
  await nextTurn() // a call that has just begun is counted when it is not over at once
  await nextTurn()
  // Of prompts and resources it is not known whose a call is.
  const others = new Set(offer.prompts.size + offer.resources.size + offer.templates.size > 0 ? inFlight : [])
  const busy = (): boolean => [...offer.tools.values()].some(({ running }) => running > 0) || [...others].some(call => inFlight.has(call))
  while (busy() && !hurry()) await sleep(CALLS_MS, undefined, { ref: false })
}
