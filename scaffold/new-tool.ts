// Starts a new tool: `./mcpx new:tool my_tool` writes the tool, its test and its notes, and says what to do next.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { regenerate } from '../docs/generate.ts'
import { withApp } from '../docs/generator/app.ts'
import { ConfigurationError } from '../lib/configuration-error.ts'
import { namesOf, type ToolNames, usualName } from './names.ts'
import { notesFile, projectFiles, testFile, toolFile } from './templates.ts'

const USAGE = 'usage: ./mcpx new:tool my_tool [--dir ../my-tools]'
const root = path.join(import.meta.dirname, '..')

try {
  await main()
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error
  for (const problem of error.problems) console.error(`mcpx: ${problem}`)
  process.exitCode = 1
}

async function main (): Promise<void> {
  const umask = process.umask()
  const { name, dir } = readArguments()
  const names = namesOf(name)
  const files = dir === undefined ? inTree(names) : outside(names, dir)
  for (const { file } of files) if (existsSync(file)) throw new ConfigurationError([`${shown(file)} is there already; choose another name, or remove it`])
  const taken = await ownerOf(name, dir)
  if (taken !== undefined) throw new ConfigurationError([`a tool called ${name} is there already, in ${taken}`])

  process.umask(umask) // which the server that was asked has narrowed
  files.push(...dir === undefined ? [] : project(dir))
  for (const { file, text } of files) {
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  const pages = dir === undefined ? await regenerate() : []
  console.log(report(names, files, pages, dir))
}

function readArguments (): { name: string, dir: string | undefined } {
  try {
    const { positionals, values } = parseArgs({ allowPositionals: true, options: { dir: { type: 'string' } } })
    const [name, ...more] = positionals
    if (name === undefined || more.length > 0) throw new Error('one name is needed')
    return { name, dir: values.dir && path.resolve(process.env.INIT_CWD ?? '', values.dir) } // of whoever typed it
  } catch (error) {
    throw new ConfigurationError([`${(error as Error).message}\n${USAGE}`])
  }
}

interface File { readonly file: string, readonly text: string, readonly what: string }

function inTree (names: ToolNames): File[] {
  const { base } = names
  return [
    { file: path.join(root, 'tools', `${base}.ts`), text: toolFile(names, false), what: 'the tool' },
    { file: path.join(root, 'test', 'tools', `${base}.test.ts`), text: testFile(names, false), what: 'its test' },
    { file: path.join(root, 'docs', 'tools', `${base}.md`), text: notesFile(names), what: 'notes for the people who use it' }
  ]
}

function outside (names: ToolNames, folder: string): File[] {
  return [
    { file: path.join(folder, `${names.base}.ts`), text: toolFile(names, true), what: 'the tool' },
    { file: path.join(folder, `${names.base}.test.ts`), text: testFile(names, true), what: 'its test' },
    { file: path.join(folder, `${names.base}.md`), text: notesFile(names), what: 'notes for the people who use it' }
  ]
}

/** What the folder lacks to be a project. */
function project (folder: string): File[] {
  return Object.entries(projectFiles(pathFrom(folder, 'scaffold/tools.tsconfig.json')))
    .map(([name, text]) => ({ file: path.join(folder, name), text, what: name === 'tsconfig.json' ? 'types, for an editor and tsc' : '' }))
    .filter(({ file }) => !existsSync(file))
}

function pathFrom (folder: string, file: string): string {
  return path.relative(folder, path.join(root, file)).replace(/^(?!\.)/, './')
}

/** The file that registers a tool of this name already, if one does. */
async function ownerOf (name: string, dir: string | undefined): Promise<string | undefined> {
  return await withApp({ AUTH_MODE: 'noauth', ...(dir !== undefined && existsSync(dir) && { TOOLS_DIR: dir }) }, ({ mcp }) => mcp.tools.get(name)?.owner)
}

function report ({ name }: ToolNames, files: File[], pages: string[], dir: string | undefined): string {
  const written = [...files, ...pages.map(file => ({ file: path.join(root, file), what: 'regenerated' }))]
  const width = Math.max(...written.map(({ file }) => shown(file).length)) + 3
  const setting = dir === undefined ? '' : `TOOLS_DIR=${shown(dir)} `
  const usual = usualName(name)
  return `Written
${written.map(({ file, what }) => `  ${shown(file).padEnd(width)}${what}`.trimEnd()).join('\n')}
${usual === name ? '' : `\nNames of tools are usually in lower snake case: ${usual}\n`}
Next
  ./mcpx test ${shown(files[1]?.file ?? '')}
  ${setting}AUTH_MODE=noauth ./mcpx dev
  then change the tool: it is served as you save it.${dir === undefined ? '\n  When its description or schema has changed: ./mcpx docs' : ''}
  The whole contract is in docs/writing-a-tool.md.`
}

function shown (file: string): string {
  const relative = path.relative(process.cwd(), file)
  return relative.startsWith(path.join('..', '..')) ? file : relative
}
