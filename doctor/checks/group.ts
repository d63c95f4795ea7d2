// A group of checks: what belongs together, and is shown together.
import type { FindingId } from '../catalogue.ts'
import type { Verdict } from '../finding.ts'
import type { Visit } from '../visit.ts'

export interface Check {
  /** What is looked at, in a word or two. */
  readonly name: string
  /** What it means when no answer comes at all; nothing in particular unless it says so. */
  readonly failure?: FindingId
  readonly run: (visit: Visit) => Promise<Verdict | Verdict[]>
}

export interface Group {
  readonly title: string
  readonly checks: readonly Check[]
}
