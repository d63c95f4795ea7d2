// Whether the two machines agree on the time: tokens and certificates depend on it.
import { found, ok, skipped, type Verdict } from '../finding.ts'
import type { Visit } from '../visit.ts'
import type { Group } from './group.ts'

const TOLERATED_MS = 30_000

export const clock: Group = { title: 'Clock', checks: [{ name: 'time', run: checkTime }] }

async function checkTime (visit: Visit): Promise<Verdict> {
  const before = Date.now()
  const { headers } = await visit.ask('/', { method: 'HEAD' })
  const after = Date.now()
  const theirs = Date.parse(headers.date ?? '')
  if (Number.isNaN(theirs)) return skipped('the answer has no date')
  // The header is in whole seconds, and was written somewhere in between.
  const skew = theirs + 1000 < before ? theirs + 1000 - before : theirs > after ? theirs - after : 0
  if (Math.abs(skew) <= TOLERATED_MS) return ok(skew === 0 ? 'the same on both sides' : `${Math.round(Math.abs(skew) / 1000)} s apart`)
  return found('clock-skewed', `the clock of the server is ${Math.round(Math.abs(skew) / 1000)} s ${skew < 0 ? 'behind' : 'ahead of'} the one here`)
}
