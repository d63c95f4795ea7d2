// The time of day, which tests can set: no test waits for a lifetime to be over.

/** Epoch seconds. */
export type Seconds = number

let aheadMs = 0

/** Epoch milliseconds. */
export const nowMs = (): number => Date.now() + aheadMs

/** Epoch seconds, as they are stored. */
export const now = (): Seconds => Math.floor(nowMs() / 1000)

/** A stored time as others read it (ISO 8601). */
export const isoOf = (time: Seconds): string => new Date(time * 1000).toISOString()

/** Sets the clock of this process ahead of the machine's, for tests; 0 sets it right again. */
export function setClockAhead (ms: number): void {
  aheadMs = ms
}
