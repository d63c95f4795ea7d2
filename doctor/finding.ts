// What the doctor says: a verdict for each check, and for whatever is wrong a finding of the catalogue.
import { catalogue, type FindingId } from './catalogue.ts'

export type Status = 'ok' | 'warning' | 'problem' | 'skipped'

export interface Verdict {
  readonly status: Status
  /** What was seen, in a line. */
  readonly detail: string
  readonly finding?: FindingId | undefined
}

export interface Result extends Verdict {
  readonly group: string
  readonly check: string
}

export const ok = (detail: string): Verdict => ({ status: 'ok', detail })

/** For what cannot be checked here and now; the detail says what it would take. */
export const skipped = (detail: string): Verdict => ({ status: 'skipped', detail })

export const found = (finding: FindingId, detail: string): Verdict => ({ status: catalogue[finding].level, detail, finding })
