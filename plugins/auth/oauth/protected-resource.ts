// The MCP endpoint as what tokens are for (RFC 8707, RFC 9728), and the names that it goes by.
import { sameResource } from '../../../lib/parameters.ts'

const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]']

export class ProtectedResource {
  /** Its own name, which is in tokens. */
  readonly url: string
  readonly #origin: string
  /**
   * Whoever types the address of a server on their own machine takes any of the three loopback names, and clients compare what
   * they are answered with what was typed. The list is fixed: a Host chooses from it, and adds nothing.
   */
  readonly #origins: ReadonlyMap<string, string>
  readonly #path: string

  /** @param several whether it goes by the loopback names: where no address was set for it */
  constructor (origin: string, path: string, several: boolean) {
    const { port } = new URL(origin)
    this.url = origin + path
    this.#origin = origin
    this.#path = path
    this.#origins = new Map(several ? LOOPBACK_NAMES.map(name => port === '' ? name : `${name}:${port}`).map(host => [host, `http://${host}`]) : [])
  }

  /** Where it is for whoever asks under this Host. */
  originAt (host: string | undefined): string {
    return this.#origins.get(host ?? '') ?? this.#origin
  }

  urlAt (host: string | undefined): string {
    return this.originAt(host) + this.#path
  }

  /** Of its metadata: its path comes after the well-known one (RFC 9728 section 3.1). */
  metadataUrlAt (host: string | undefined): string {
    return `${this.originAt(host)}/.well-known/oauth-protected-resource${this.#path}`
  }

  /** Whether a resource indicator means it (RFC 8707 section 2), also with the query by which an address narrows what it serves. */
  isNamed (indicator: string): boolean {
    const given = indicator.split('?', 1)[0] ?? ''
    return sameResource(given, this.url) || [...this.#origins.values()].some(origin => sameResource(given, origin + this.#path))
  }
}
