// What is counted until somebody reads it: at nanoseconds an observation, where the client library builds a key from the labels
// each time, for a bound child too; and without the library, which is loaded by the first who reads.

/** Upper bounds in seconds: a direct answer takes less than one millisecond, a tool may take its whole minute. */
export const BUCKETS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const

/** The observations of one series. */
export class Tally {
  /** By bucket, the last for what is beyond all bounds; not yet cumulative. */
  readonly counts: number[] = Array.from({ length: BUCKETS.length + 1 }, () => 0)
  sum = 0

  observe (seconds: number): void {
    let bucket = 0
    while (bucket < BUCKETS.length && seconds > (BUCKETS[bucket] as number)) bucket++
    this.counts[bucket] = (this.counts[bucket] as number) + 1
    this.sum += seconds
  }
}

/** The values that a label may have. The last stands for any other, so that clients cannot make series. */
export type Known = readonly [string, ...string[]]

/** Where a value stands among the known ones. */
export function position (known: Known, value: string | undefined): number {
  const index = known.indexOf(value as string)
  return index === -1 ? known.length - 1 : index
}

/** What a registry of the client library asks of a metric. */
export interface Metric { readonly name: string, get: () => Promise<object> }

/** A counter for what does not happen with every request. */
export class TallyCounter<L extends object> implements Metric {
  readonly name: string
  readonly #help: string
  readonly #values = new Map<string, { readonly labels: L, value: number }>()

  constructor (name: string, help: string) {
    this.name = name
    this.#help = help
  }

  /** @param labels must have a bounded number of values, which is for the caller to see to */
  count (labels: L): void {
    const key = JSON.stringify(labels)
    const counted = this.#values.get(key)
    if (counted === undefined) this.#values.set(key, { labels: { ...labels }, value: 1 })
    else counted.value++
  }

  async get (): Promise<object> {
    return { name: this.name, help: this.#help, type: 'counter', aggregator: 'sum', values: [...this.#values.values()] }
  }
}

/** A histogram of four labels: the first by name, the others by position, so that finding a series builds no text. */
export class TallyHistogram implements Metric {
  readonly name: string
  readonly #help: string
  readonly #labels: readonly [string, string, string, string]
  readonly #known: readonly [Known, Known, Known]
  readonly #series = new Map<string, (Tally | undefined)[]>()

  constructor (name: string, help: string, labels: readonly [string, string, string, string], known: readonly [Known, Known, Known]) {
    this.name = name
    this.#help = help
    this.#labels = labels
    this.#known = known
  }

  /** @param first must be one of a bounded number of names, which is for the caller to see to */
  observe (first: string, second: number, third: number, fourth: number, seconds: number): void {
    let row = this.#series.get(first)
    if (row === undefined) this.#series.set(first, row = [])
    const at = (second * this.#known[1].length + third) * this.#known[2].length + fourth
    const tally = row[at] ??= new Tally()
    tally.observe(seconds)
  }

  /** What the registry writes out. */
  async get (): Promise<object> {
    const values = [...this.#series].flatMap(([first, row]) => row.flatMap((tally, at) => tally === undefined ? [] : this.#write(tally, this.#labelsAt(first, at))))
    return { name: this.name, help: this.#help, type: 'histogram', aggregator: 'sum', values }
  }

  #labelsAt (first: string, at: number): Record<string, string> {
    const [, thirds, fourths] = this.#known
    const indexes = [Math.floor(at / fourths.length / thirds.length), Math.floor(at / fourths.length) % thirds.length, at % fourths.length]
    const [name, ...others] = this.#labels
    return { [name]: first, ...Object.fromEntries(others.map((label, i) => [label, this.#known[i]?.[indexes[i] as number] as string])) }
  }

  #write ({ counts, sum }: Tally, labels: Record<string, string>): object[] {
    let count = 0
    const buckets = counts.map((more, bucket) => {
      count += more
      return { metricName: `${this.name}_bucket`, labels: { ...labels, le: String(BUCKETS[bucket] ?? '+Inf') }, value: count }
    })
    return [...buckets, { metricName: `${this.name}_sum`, labels, value: sum }, { metricName: `${this.name}_count`, labels, value: count }]
  }
}
