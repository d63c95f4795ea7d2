// Writes the reference pages, which say what the code says. `./mcpx docs` runs it; a test fails when one is stale.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { clientsPage } from './generator/clients.ts'
import { configurationPage, envExample } from './generator/configuration.ts'
import { withContents } from './generator/contents.ts'
import { housePicture } from './generator/house.ts'
import { httpPage } from './generator/http.ts'
import { llmsText } from './generator/llms.ts'
import { toolsPage } from './generator/tools.ts'
import { troubleshootingPage } from './generator/troubleshooting.ts'

const root = path.join(import.meta.dirname, '..')

/** Every page that the code writes, in whole or in part: its path in the repository, and the text it should have. */
export async function pages (): Promise<[file: string, text: string][]> {
  const whole: [file: string, text: string][] = [
    ['.env.example', await envExample()],
    ['llms.txt', llmsText(current('docs/README.md'))],
    ['docs/clients.md', clientsPage()],
    ['docs/configuration.md', await configurationPage()],
    ['docs/tools.md', await toolsPage()],
    ['docs/http.md', await httpPage()],
    ['docs/troubleshooting.md', troubleshootingPage()]
  ]
  const names = new Set(whole.map(([file]) => file))
  const written = documentation().filter(file => !names.has(file)).map((file): [string, string] => [file, withPicture(current(file))])
  return [...whole, ...written].map(([file, text]) => [file, withContents(text)])
}

/** Every page of the documentation, by its path in the repository. */
export const documentation = (): string[] =>
  readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.md')).map(file => `docs/${file.replaceAll(path.sep, '/')}`).sort()

/** A page that people write, but for the picture of the house in it. */
function withPicture (page: string): string {
  return page.replace(/(<!-- house: .*? -->\n)[^]*?(<!-- \/house -->)/, (_, begin: string, end: string) => `${begin}${housePicture()}\n${end}`)
}

/** The text that a page has now; empty when there is none. */
export function current (file: string): string {
  try {
    return readFileSync(path.join(root, file), 'utf8')
  } catch {
    return ''
  }
}

/** Writes the pages that are stale, and answers which those were. */
export async function regenerate (): Promise<string[]> {
  const stale = (await pages()).filter(([file, text]) => current(file) !== text)
  for (const [file, text] of stale) writeFileSync(path.join(root, file), text)
  return stale.map(([file]) => file)
}

if (import.meta.main) {
  const written = await regenerate()
  console.log(written.length > 0 ? `written: ${written.join(', ')}` : 'every reference page is up to date')
}
