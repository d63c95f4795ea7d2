// Waiting for what another process or connection does, and no longer.
import { setTimeout as sleep } from 'node:timers/promises'

/** Asks again and again until there is an answer other than undefined, null or false. @throws Error after `ms` */
export async function until<T> (ask: () => T | Promise<T>, ms = 10_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + ms
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== null && answer !== false) return answer
    if (performance.now() > deadline) throw new Error(`it did not come to pass within ${ms} ms`)
    await sleep(10)
  }
}
