// What is wrong with a tool file that cannot be loaded, in one line that begins with the place of it.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, realpath } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigurationError } from '../../../lib/configuration-error.ts'
import { shown } from './tool-folder.ts'

interface Place { readonly file: string, readonly line: number, readonly column?: number | undefined }

const MOST_MODULES = 50
const CHECK_MS = 5000
const OURS = path.join(import.meta.dirname, '..', '..') + path.sep

/** What is wrong with a file, whatever was thrown while it was loaded. */
export async function inFile (file: string, error: unknown): Promise<ConfigurationError> {
  return error instanceof ConfigurationError ? error : new ConfigurationError([await faultOf(file, error)], { cause: error })
}

/** @param file the tool file, which may be in order while what it imports is not */
async function faultOf (file: string, error: unknown): Promise<string> {
  const real = await realpath(file).catch(() => file)
  const folder = path.dirname(real)
  const place = placeInStack(error, folder) ?? placeOfImport(error, await readFile(real, 'utf8').catch(() => ''), real) ?? (error instanceof SyntaxError ? await placeOfSyntax(real) : undefined)
  const message = messageOf(error)
  if (place === undefined) return `${shown(file)}: ${message}`
  const position = [place.line, ...(place.column === undefined ? [] : [place.column])].join(':')
  return place.file === real ? `${shown(file)}:${position}: ${message}` : `${shown(file)}: ${path.relative(folder, place.file)}:${position}: ${message}`
}

/** What an error says, in one line. */
function messageOf (error: unknown): string {
  const { message, code, url } = (error ?? {}) as NodeJS.ErrnoException & { url?: string }
  const line = String(message ?? error).split('\n').find(text => text.trim() !== '') ?? ''
  const [, named, from, exporter, missing] = /^Named export '(.+?)' not found\. The requested module '(.+?)' is|^The requested module '(.+?)' does not provide an export named '(.+?)'/.exec(line) ?? []
  const name = named ?? missing
  if (name !== undefined && name !== 'default') return `${from ?? exporter} exports no ${name}; where that is a type: import type { ${name} }`
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'ERR_UNSUPPORTED_DIR_IMPORT') return line.replace(/ imported from .*/, '') + meant(url)
  return line
}

/** The file that was probably meant by an import of what is not there. */
function meant (url: string | undefined): string {
  if (url === undefined || !URL.canParse(url) || !url.startsWith('file:')) return ''
  const target = fileURLToPath(url)
  const found = [target, target.replace(/\.m?js$/, '')].flatMap(base => [`${base}.ts`, `${base}.js`, `${base}.mjs`, path.join(base, 'index.ts')]).find(file => existsSync(file))
  return found === undefined ? '' : `; imports end as the file does: ${path.relative(path.dirname(target), found)}`
}

/** Where Node says that it was: above the message, where it shows the line, or in the first frame that is the author's. */
function placeInStack (error: unknown, folder: string): Place | undefined {
  const { stack } = (error ?? {}) as Error
  if (typeof stack !== 'string') return undefined
  const shownLine = /^(file:\/\/\/.+|\/.+|[A-Z]:\\.+):(\d+)\n(.*(?:\n.*)?)\n([ \t]*)\^+\n/.exec(stack) ?? /^(file:\/\/\/.+|\/.+|[A-Z]:\\.+):(\d+)\n/.exec(stack)
  if (shownLine !== null) return { file: fileOf(shownLine[1] ?? ''), line: Number(shownLine[2]), column: shownLine[4] === undefined ? undefined : shownLine[4].length + 1 }
  for (const [, where = '', line, column] of stack.matchAll(/^ {4}at (?:.*\()?(?:async )?(file:\/\/\/.+?|\/.+?):(\d+):(\d+)\)?$/gm)) {
    const file = fileOf(where)
    if (file.startsWith(folder + path.sep) && !file.includes(`${path.sep}node_modules${path.sep}`)) return { file, line: Number(line), column: Number(column) }
    if (file.startsWith(OURS)) return undefined // what MCPX refuses, it names
  }
}

/** Where a module is imported that is not there. */
function placeOfImport (error: unknown, source: string, file: string): Place | undefined {
  const { code, message = '' } = (error ?? {}) as NodeJS.ErrnoException
  if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'ERR_UNSUPPORTED_DIR_IMPORT') return undefined
  const [, missing = '', importer] = /'([^']+)' (?:is not supported resolving ES modules )?imported from (.+)$/m.exec(message) ?? []
  if (importer !== undefined && importer !== file) return undefined
  const lines = source.split('\n')
  const [name = ''] = missing.startsWith('/') ? [path.basename(missing)] : [missing]
  const line = lines.findIndex(text => /\b(import|from|export)\b/.test(text) && (text.includes(`${name}'`) || text.includes(`${name}"`)))
  return line === -1 ? undefined : { file, line: line + 1, column: lineColumn(lines[line] ?? '', name) }
}

/** The column at which the text in quotation marks begins that ends with the name; 0 where there is none. */
function lineColumn (text: string, name: string): number {
  let end = 0
  for (const [index, part] of text.split(/['"]/).entries()) {
    end += part.length + 1
    if (index > 0 && end <= text.length && part.endsWith(name)) return end - part.length - 1
  }
  return 0
}

/**
 * Of a syntax error that is found when a module is compiled, Node tells the place only to whoever checks that module: the
 * file, and what it imports of its neighbours, are checked one by one.
 */
async function placeOfSyntax (file: string): Promise<Place | undefined> {
  const files = new Set([file])
  for (const file of files) {
    if (files.size > MOST_MODULES) return undefined
    const source = await readFile(file, 'utf8').catch(() => '')
    const code = file.endsWith('.ts') ? strip(source) : source
    if (code === undefined) continue // Node itself would have said where
    const found = /^\[stdin\]:(\d+)\n.*\n([ \t]*)\^/.exec(await check(code))
    if (found !== null) return { file, line: Number(found[1]), column: (found[2] ?? '').length + 1 }
    for (const [, specifier = ''] of code.matchAll(/\b(?:import|from)[\s(]*['"](\.{1,2}\/[^'"]+)['"]/g)) files.add(path.join(path.dirname(file), specifier))
  }
}

function strip (source: string): string | undefined {
  try {
    return stripTypeScriptTypes(source)
  } catch {}
}

async function check (code: string): Promise<string> {
  return await new Promise(resolve => {
    const child = execFile(process.execPath, ['--check', '--input-type=module', '-'], { env: {}, timeout: CHECK_MS }, (_error, _stdout, stderr) => resolve(stderr))
    child.stdin?.on('error', () => {}).end(code)
  })
}

function fileOf (where: string): string {
  const [url = ''] = where.split('?')
  return url.startsWith('file:') ? fileURLToPath(url) : where
}
