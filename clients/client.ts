// What a client of the test bench is: how it is installed, how it is driven, and what it has seen of the server.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'

export type Way = 'open' | 'signIn' | 'document'

/** Where a client is tried. It runs in a process of its own, whose home is its own. */
export interface Place {
  way: Way
  /** Of the MCP endpoint. */
  url: string
  origin: string
  home: string
}

/** What a client says that it has seen. */
export interface Seen {
  /** The names of the tools. */
  tools?: string[]
  /** What echo has answered. */
  echoed?: string
  /** That it has connected, in its own words, where it says no more. */
  connected?: string
  /** What it complained of although it worked. */
  errors?: string[]
}

export interface Client {
  name: string
  /** The folder in node_modules, an alias where there are several versions. */
  package: string
  /** How a person signs in: at a browser, or with a token that is made elsewhere. */
  by: 'browser' | 'token'
  driven: string
  needs?: string
  /** Whether it can name a document of itself instead of registering. */
  documents?: boolean
  /** Settings that the server has to have for it. */
  settings?: Record<string, string>
  /** Why it does not do all, where that is known and not for this server to mend. */
  known?: string
  /** A program that has to be there besides the package. */
  program?: () => string | undefined
  drive: (place: Place) => Promise<Seen>
}

/** What echo is to say: letters of two, three and four bytes. */
export const TEXT = 'Grüße aus Łódź, 你好 👋'

/** A document of a client, for those that take its address; the stand-in for the internet has one at every address. */
export const DOCUMENT = 'https://vscode.dev/oauth/client-metadata.json'

const MODULES = path.join(import.meta.dirname, 'node_modules')

/** Undefined where the package is not installed. */
export function manifest (name: string): { version: string, bin?: string | Record<string, string> } | undefined {
  const file = path.join(MODULES, name, 'package.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

/** The program of a package that is written in JavaScript. */
export function script (name: string, command: string): string {
  const bin = manifest(name)?.bin
  const file = typeof bin === 'string' ? bin : bin?.[command]
  if (file === undefined) throw new Error(`${name} has no program ${command}: what is it called in its package.json?`)
  return path.join(MODULES, name, file)
}

/** The program that a package brings for this kind of machine alone, in a package beside its own; undefined where there is none. */
export function native (name: string, sibling: string, file: string): string | undefined {
  const store = path.join(MODULES, '.pnpm')
  const own = path.join(MODULES, name)
  if (!existsSync(own) || !existsSync(store)) return undefined
  const found = path.join(MODULES, '.pnpm/node_modules', sibling, file)
  return existsSync(found) ? found : undefined
}
