// What a run found out, and how it is looked up.
import type { ColdStart, Memory } from './lifetime.ts'
import type { Measured, NotRun, Timed } from './measure.ts'
import { median } from './statistics.ts'

export interface Results {
  at: string
  machine: { processor: string, cores: number, pinned: boolean, node: string, generator: string }
  versions: Record<string, string>
  options: { quick: boolean, seconds: number, rounds: number, memorySeconds: number }
  cells: Measured[]
  coldStarts: ColdStart[]
  memory: Memory[]
  notRun: NotRun[]
}

export type Where = Partial<Pick<Measured, 'server' | 'era' | 'tools' | 'workload' | 'connections' | 'phase'>>

export function find ({ cells }: Results, where: Where): Measured | undefined {
  return cells.find(cell => Object.entries(where).every(([name, value]) => cell[name as keyof Where] === value))
}

export const perSecond = ({ samples }: Measured): number => median(samples.map(sample => sample.perSecond))
export const p99 = ({ samples }: Measured): number => median(samples.map(sample => sample.p99))
export const errors = ({ samples }: Measured): number => samples.reduce((sum, sample) => sum + sample.errors, 0)

/** The ratio of two that took turns: round by round, so that what slows the machine down slows both. */
export function ratio (one: Measured | undefined, other: Measured | undefined): number | undefined {
  if (one === undefined || other === undefined) return undefined
  const rounds = Math.min(one.samples.length, other.samples.length)
  return median(Array.from({ length: rounds }, (_, i) => (one.samples[i] as Timed).perSecond / (other.samples[i] as Timed).perSecond))
}
