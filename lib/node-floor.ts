// The oldest Node of each line that is safe to run on. CVE-2026-111497: in those before, an answer can run code through the decoder of
// Brotli, and fetch decodes what an answer claims. Packages of Node for some systems are older (package.json).
const FLOORS: Record<number, string> = { 24: '24.22.1', 26: '26.12.1' }

/**
 * The version that it should be at least; undefined when it is.
 * @param version such as 26.10.0
 */
export function betterNode (version: string = process.versions.node, floors: Record<number, string> = FLOORS): string | undefined {
  const [major = 0] = numbers(version)
  const lines = Object.keys(floors).map(Number)
  if (major > Math.max(...lines)) return undefined
  // A line that got no such release has to be left for the next one that did.
  const floor = floors[Math.min(...lines.filter(line => line >= major))] ?? ''
  return isBefore(numbers(version), numbers(floor)) ? floor : undefined
}

const numbers = (version: string): number[] => version.split('.').map(part => Number.parseInt(part, 10))

function isBefore (version: number[], other: number[]): boolean {
  const difference = other.map((part, index) => (version[index] ?? 0) - part).find(part => part !== 0)
  return difference !== undefined && difference < 0
}
