// llms.txt (llmstxt.org): the index of the documentation in the form in which models look for one.
import path from 'node:path'

/** From the text of docs/README.md; its links become those of the root. */
export function llmsText (index: string): string {
  const [, summary = ''] = index.match(/^# .+\n\n(.+?\.)(?: |\n)/) ?? []
  const chapters = index.slice(index.indexOf('\n## ')).trim()
  return `# MCPX\n\n> ${summary}\n\n${chapters.replaceAll(/\]\(([^)#]+)/g, (_, target: string) => `](${path.posix.join('docs', target)}`)}\n`
}
