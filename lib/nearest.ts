// What a word that nobody knows was probably meant to be.

/** The known word that takes fewest changes of a letter, one or two; undefined where none is near. */
export function nearest (word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  let least = word.length < 6 ? 2 : 3
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) >= least) continue
    const changes = changesBetween(word, candidate)
    if (changes < least) [best, least] = [candidate, changes]
  }
  return best
}

/** How many letters have to be changed, added, left out, or swapped with their neighbour. */
function changesBetween (a: string, b: string): number {
  let [before, row] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] ?? 0) + 1 : Infinity
      next[j] = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1), swapped)
    }
    ;[before, row] = [row, next]
  }
  return row[b.length] ?? 0
}
