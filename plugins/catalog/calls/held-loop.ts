// For how long the event loop has not turned. Nothing else is served meanwhile, no limit of time is looked at, and whoever looks
// only at the time of calls sees many slow ones and not the one that made them so. A timer that comes late tells of it, while there are calls.
const TICK_MS = 100
const IDLE_TICKS = 20
/** From here on it is worth a line: somebody who waits begins to notice. */
export const HELD_MS = 200

/** What is told of calls that were under way while it was held. */
interface Running { readonly heldMeanwhile: (ms: number, others: readonly string[]) => void, readonly label: string }

/** Calls that have lasted longer than a turn of the event loop. */
export const lasting = new Set<Running>()

let calls = 0
let turnedAt = 0
let timer: NodeJS.Timeout | undefined

/** A call begins: from now on it is looked at. */
export function look (): void {
  calls++
  if (timer !== undefined) return
  turnedAt = performance.now()
  let idle = 0
  let seen = calls
  timer = setInterval(() => {
    const held = heldMs() - TICK_MS
    turnedAt = performance.now()
    const [first, ...others] = lasting
    if (held >= HELD_MS) first?.heldMeanwhile(held, others.slice(0, 4).map(({ label }) => label))
    idle = calls === seen && first === undefined ? idle + 1 : 0
    seen = calls
    if (idle < IDLE_TICKS) return
    clearInterval(timer)
    timer = undefined
  }, TICK_MS).unref()
}

/** Milliseconds since the event loop has last turned, of which a tenth of a second may be no fault of anybody. */
export const heldMs = (): number => performance.now() - turnedAt

/** It is known who has held it until now. */
export function explained (): void { turnedAt = performance.now() }
