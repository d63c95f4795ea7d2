// Runs many test files in one process, one after the other: each would load all of the server anew, which takes longer
// than most of them do. Each can still be run alone. What takes long, measures its process, or starts many, is by itself.
import { glob } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'

const root = path.join(import.meta.dirname, '../..')

/** The files of each process; tap leaves them out where it looks for files to run (`exclude` in package.json). */
export const groups = {
  folders: 'test/@(clients|contract|docs|events|http|routes|tools)/*.test.ts',
  mcp: 'test/mcp/!(fuzz|lanes|many-streams|sessions|task-restart).test.ts',
  oauth: 'test/oauth/!(client-command|keys|killed|mcp-remote|metadata-document|pages-look|pages-policy|processes|sdk-clients|sign-in-in-chromium|user-command).test.ts'
}

/** Paths from the root of the repository, in order. */
export async function filesOf (pattern: string): Promise<string[]> {
  const files: string[] = []
  for await (const file of glob(pattern, { cwd: root })) files.push(file)
  return files.sort()
}

/** Runs the files of a group in this process. */
export async function runAsOne (group: keyof typeof groups): Promise<void> {
  t.setTimeout(600_000)
  for (const file of await filesOf(groups[group])) await import(path.join(root, file))
}
