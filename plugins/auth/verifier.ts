// How it is found out who presents a credential. None of it may ask the database: it is on the path of every call.
import type { Principal } from './principal.ts'

export interface Verifier {
  /** Whether a credential is of this kind, whatever it is worth. */
  readonly takes: (credential: string) => boolean
  /** Who presents it; where it is nobody, why, which is for the log only. */
  readonly whoPresents: (credential: string) => Principal | string
  /** A check, that costs next to nothing, of whether `whoPresents` would still know who presents it. */
  readonly standing: (credential: string) => () => boolean
}
