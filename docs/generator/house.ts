// The house as the imports draw it: its rooms floor by floor, for docs/architecture.md and for the test that holds it.
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

const root = path.join(import.meta.dirname, '../..')

/** The floors, the ground first. A room may import from the floors below its own, and from itself. */
export const FLOORS: readonly (readonly string[])[] = [
  ['lib'],
  ['plugins/config.ts'],
  ['plugins/secrets.ts', 'plugins/db', 'plugins/auth/principal.ts', 'plugins/auth/scope.ts', 'plugins/budgets.ts'],
  ['plugins/auth/policy.ts', 'plugins/auth/roles.ts', 'plugins/auth/tool-groups.ts', 'plugins/auth/verifier.ts'],
  ['plugins/events'],
  ['plugins/http'],
  ['plugins/accounts', 'plugins/audit', 'plugins/certificate.ts', 'plugins/port.ts', 'plugins/log', 'plugins/shared', 'plugins/catalog'],
  ['plugins/auth/bearer.ts', 'plugins/mcp', 'plugins/metrics'],
  ['plugins/auth/noauth', 'plugins/auth/oauth'],
  ['routes', 'tools', 'mcpx.ts'],
  ['doctor', 'app.ts'],
  ['ops', 'docs'],
  ['scaffold', 'cli'],
  ['server.ts']
]

const ROOMS = FLOORS.flat()

/** The room that a file is in; undefined for one that is in none. */
export const roomOf = (file: string): string | undefined => ROOMS.find(room => file === room || file.startsWith(`${room}/`))

/** The number of a room's floor, 0 for the ground. */
export const floorOf = (room: string): number => FLOORS.findIndex(rooms => rooms.includes(room))

/** Every file of the program, and the files that each imports, types included. */
export function readImports (): Map<string, string[]> {
  const files = globSync(['*.ts', '{lib,plugins,routes,tools,cli,doctor,ops,docs,scaffold}/**/*.ts'], { cwd: root }).sort()
  return new Map(files.map(file => {
    const text = readFileSync(path.join(root, file), 'utf8')
    const named = [...text.matchAll(/\b(?:from|import)[ (]{1,2}'(\.{1,2}\/[^'$]+\.ts)'/g)].map(([, target = '']) => path.join(path.dirname(file), target))
    return [file, [...new Set(named)]]
  }))
}

/** The rooms as a diagram: an arrow for each import that no longer way of others tells already. */
export function housePicture (): string {
  const needs = new Map<string, Set<string>>(ROOMS.map(room => [room, new Set()]))
  for (const [file, targets] of readImports()) {
    for (const target of targets) {
      const [from, to] = [roomOf(file), roomOf(target)]
      if (from !== undefined && to !== undefined && floorOf(to) < floorOf(from)) needs.get(from)?.add(to)
    }
  }
  const reaches = (from: string, to: string): boolean => [...needs.get(from) ?? []].some(next => next === to || reaches(next, to))
  const drawn = ROOMS.filter(room => (needs.get(room)?.size ?? 0) > 0 || [...needs.values()].some(others => others.has(room)))
  const name = (room: string): string => room.replace(/^plugins\//, '').replace(/\.ts$/, '')
  const id = (room: string): string => room.replace(/[^a-z]/g, '_')
  const arrows = drawn.flatMap(from => [...needs.get(from) ?? []].filter(to => ![...needs.get(from) ?? []].some(other => other !== to && reaches(other, to))).sort().map(to => `  ${id(from)} --> ${id(to)}`))
  return ['```mermaid', 'flowchart TB', ...drawn.toReversed().map(room => `  ${id(room)}[${name(room)}]`), ...arrows, '```'].join('\n')
}
