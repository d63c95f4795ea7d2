// Changes of tasks that another process on the same database makes: looked for once, however many listen.
import type { Kysely } from 'kysely'
import type { Database } from '../../db/schema.ts'
import { revisions } from './store.ts'

const LOOK_MS = 1000

export class TaskWatch {
  readonly #db: Kysely<Database>
  readonly #changed: (id: string) => void
  readonly #failed: (error: unknown) => void
  /** How many listen to a task, and how it was when it was looked at last. */
  readonly #watched = new Map<string, { listening: number, revision: number | undefined }>()
  #timer: NodeJS.Timeout | undefined
  #closed = false

  /** @param changed is told of each task that is not as it was */
  constructor (db: Kysely<Database>, changed: (id: string) => void, failed: (error: unknown) => void) {
    this.#db = db
    this.#changed = changed
    this.#failed = failed
  }

  /** Looks at these too, until what it answers is called. */
  add (ids: readonly string[]): () => void {
    for (const id of ids) {
      const watched = this.#watched.get(id)
      if (watched === undefined) this.#watched.set(id, { listening: 1, revision: undefined })
      else watched.listening++
    }
    this.#timer ??= this.#later()
    let left = false
    return () => {
      if (left) return
      left = true
      for (const id of ids) {
        const watched = this.#watched.get(id)
        if (watched !== undefined && --watched.listening === 0) this.#watched.delete(id)
      }
    }
  }

  close (): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #later (): NodeJS.Timeout { return setTimeout(() => { this.#look().catch(this.#failed) }, LOOK_MS).unref() }

  async #look (): Promise<void> {
    try {
      for (const { id, revision } of await revisions(this.#db, [...this.#watched.keys()])) {
        const watched = this.#watched.get(id)
        if (watched === undefined || watched.revision === revision) continue
        watched.revision = revision
        this.#changed(id)
      }
    } finally {
      this.#timer = this.#watched.size === 0 || this.#closed ? undefined : this.#later()
    }
  }
}
