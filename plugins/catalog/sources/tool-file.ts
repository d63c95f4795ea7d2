// A tool file as it is read: a Fastify plugin, and the settings that it declares.
import { pathToFileURL } from 'node:url'
import type { ToolPlugin } from './bound-plugin.ts'
import { shown } from './tool-folder.ts'

export interface ToolModule {
  /** The file, as messages name it. */
  readonly owner: string
  readonly plugin: ToolPlugin
  readonly settings: unknown
}

/** @throws whatever is wrong with the file, which the message does not name */
export async function importTool (file: string): Promise<ToolModule> {
  const { default: plugin, settings } = await import(pathToFileURL(file).href)
  if (typeof plugin !== 'function') throw new Error('it has no default export that is a function')
  return { owner: shown(file), plugin, settings }
}

/** Of a file that is loaded and brings nothing: somebody may look for what it was to bring. */
export const registersNothing = (owner: string): string => `${owner} registers no tool, prompt or resource; a file that is to be left alone has a name that begins with _`
