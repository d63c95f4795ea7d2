// Whether this server can fetch the documents that clients publish of themselves (OAUTH_METADATA_DOCUMENTS=auto). Where it
// cannot, they must not be announced: such a client would then not register itself, and could not be let in at all.
import { nowMs } from '../../../../lib/clock.ts'
import { FetchError, type PublicFetch } from '../../../../lib/net/public-fetch.ts'

/** Documents of clients that many people use, made to be fetched by servers such as this one. Any answer at all will do. */
const KNOWN = ['https://claude.ai/oauth/claude-code-client-metadata', 'https://vscode.dev/oauth/client-metadata.json']
const MOST_BYTES = 64 * 1024
/** Between looks while there is none, and at least between any two. */
const LOOK_AGAIN_MS = 5 * 60_000
const LOOK_AT_MOST_EVERY_MS = 60_000

export class WayOut {
  readonly #fetch: PublicFetch
  readonly #known: readonly string[]
  readonly #onChange: (problem: string | undefined) => void
  #problem: string | undefined
  #lookedAt = -Infinity
  #timer: NodeJS.Timeout | undefined

  /** @param onChange told why there is none, and undefined when there is one again */
  constructor (fetch: PublicFetch, onChange: (problem: string | undefined) => void, known = KNOWN) {
    this.#fetch = fetch
    this.#known = known
    this.#onChange = onChange
  }

  /** Why there is no way out; undefined while there is, or before it is known. */
  get problem (): string | undefined { return this.#problem }

  /**
   * Looks, at the start and after a fetch that nobody answered. That one fetch says nothing of the way out: anybody can name a
   * host that is not there.
   */
  async look (): Promise<void> {
    if (this.#lookedAt > nowMs() - LOOK_AT_MOST_EVERY_MS) return
    this.#lookedAt = nowMs()
    clearTimeout(this.#timer)
    const found = await this.#problemNow()
    if (found !== undefined) this.#timer = setTimeout(() => { void this.look() }, LOOK_AGAIN_MS).unref()
    if ((found === undefined) !== (this.#problem === undefined)) this.#onChange(found)
    this.#problem = found
  }

  close (): void {
    this.#lookedAt = Infinity
    clearTimeout(this.#timer)
  }

  async #problemNow (): Promise<string | undefined> {
    let problem = ''
    for (const url of this.#known) {
      try {
        await this.#fetch(url, MOST_BYTES)
        return undefined
      } catch (error) {
        if (!(error instanceof FetchError) || !error.unreachable) return undefined
        problem = `${new URL(url).hostname}: ${error.message}`
      }
    }
    return problem
  }
}
