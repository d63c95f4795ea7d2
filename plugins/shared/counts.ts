// One count of several instances: each adds behind what the others have counted, so that no request waits for it.
import type { WindowCounts } from '../../lib/window-counts.ts'
import type { Shared } from './shared.ts'

const TELL_MS = 1000
/** Of the limit: who has asked for less at an instance is not told of, which is most callers at all times. */
const WORTH_TELLING = 0.1
const AT_ONCE = 500

/**
 * Merges counts until what is answered is called. Of n instances a caller gets up to a tenth of the limit more for each but one, and what is
 * asked for within a second.
 */
export function mergeCounts (shared: Shared, topic: string, counts: WindowCounts, max: number): () => void {
  const timer = setInterval(() => {
    const news = counts.news(Math.max(1, Math.floor(max * WORTH_TELLING)))
    for (let at = 0; at < news.length; at += AT_ONCE) shared.publish(topic, news.slice(at, at + AT_ONCE))
  }, TELL_MS).unref()
  const leave = shared.subscribe(topic, (told: Array<[string, number]>) => { for (const [name, amount] of told) counts.add(name, amount) })
  return () => {
    clearInterval(timer)
    leave()
  }
}
