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

/** What is wrong, in one line. */
export function firstLine (error: unknown): string {
  const { message, code } = (error ?? {}) as NodeJS.ErrnoException
  const line = String(message ?? error).split('\n').find(text => text.trim() !== '') ?? ''
  return code === 'ERR_MODULE_NOT_FOUND' ? line.replace(/ imported from .*/, '') : line
}
