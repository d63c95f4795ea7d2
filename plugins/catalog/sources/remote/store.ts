// What is known of a server beyond the life of a process, beside the database: what it listed last, and what of that was accepted.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Lists } from './lists.ts'

const FOLDER = 'servers'
const ACCEPTED = 'accepted'

/** What was last known of a server. */
export interface Known {
  readonly lists?: Lists | undefined
  /** When these were listed, in ISO 8601. */
  readonly listedAt?: string | undefined
  readonly state: 'connected' | 'idle' | 'down'
  /** Why it is down, in the words for operators. */
  readonly reason?: string | undefined
  readonly since: string
}

export class ServerStore {
  readonly #folder: string

  /** @param database whose folder it is in */
  constructor (database: string) {
    this.#folder = path.join(path.dirname(path.resolve(database)), FOLDER)
  }

  get acceptedFolder (): string { return path.join(this.#folder, ACCEPTED) }

  known (server: string): Known | undefined { return read<Known>(this.#file(server)) }
  keep (server: string, known: Known): void { this.#write(this.#file(server), known) }
  accepted (server: string): Lists | undefined { return read<Lists>(this.#file(server, ACCEPTED)) }
  accept (server: string, lists: Lists): void { this.#write(this.#file(server, ACCEPTED), lists) }

  #file (server: string, ...folder: string[]): string {
    const name = `${server.replaceAll(/[^A-Za-z0-9_-]+/g, '_').slice(0, 40)}-${createHash('sha256').update(server).digest('hex').slice(0, 8)}.json`
    return path.join(this.#folder, ...folder, name)
  }

  /** As a whole or not at all: several processes write it, and another one reads. */
  #write (file: string, content: object): void {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
    const beside = `${file}.${process.pid}`
    writeFileSync(beside, JSON.stringify(content), { mode: 0o600 })
    renameSync(beside, file)
  }
}

function read<T> (file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T
  } catch {
    return undefined // none yet, or none that can be read: it is listed anew
  }
}
