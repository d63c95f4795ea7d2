// Medians, and how far apart the rounds were.
export function median (values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] as number : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}

/** From the least to the most, as a part of the median. */
export function spread (values: number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values)
}
