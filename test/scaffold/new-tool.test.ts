// What `new:tool` writes works as it stands: in a copy of the tree, and in a folder outside it.
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { namesOf } from '../../scaffold/names.ts'
import { toolFile } from '../../scaffold/templates.ts'
import { temporaryFolder } from '../server.ts'
import { startTools } from '../tool.ts'

const root = path.join(import.meta.dirname, '..', '..')
const bin = path.join(root, 'node_modules', '.bin')
const LEFT_OUT = new Set(['node_modules', '.git', '.tap', '.env', 'data', 'coverage', 'bench'])

interface Ended { code: number | null, stdout: string, stderr: string }

async function run (cwd: string, command: string, ...args: string[]): Promise<Ended> {
  return await new Promise(resolve => {
    const child = execFile(command, args, { cwd }, (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }))
  })
}

const newTool = async (...args: string[]): Promise<Ended> => await run(root, process.execPath, 'scaffold/new-tool.ts', ...args)

/** Runs a command as at a terminal: tap would have a child report to it, and measure its coverage. */
const alone = async (cwd: string, ...args: string[]): Promise<Ended> => await run(cwd, 'env', '-u', 'TAP', '-u', 'NODE_OPTIONS', ...args)

function copyOfTree (t: Test): string {
  const copy = temporaryFolder(t)
  for (const entry of readdirSync(root)) if (!LEFT_OUT.has(entry)) cpSync(path.join(root, entry), path.join(copy, entry), { recursive: true })
  symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'))
  return copy
}

t.test('in the tree, the new tool passes its test, the type checker and the linter, and is documented', async t => {
  const copy = copyOfTree(t)
  const { code, stdout, stderr } = await alone(copy, process.execPath, 'scaffold/new-tool.ts', 'my_tool')
  t.equal(code, 0, stderr)
  for (const file of ['tools/my_tool.ts', 'test/tools/my_tool.test.ts', 'docs/tools/my_tool.md', 'docs/tools.md']) t.match(stdout, file)
  t.match(stdout, './mcpx test test/tools/my_tool.test.ts')
  t.match(readFileSync(path.join(copy, 'docs/tools.md'), 'utf8'), '## my_tool')

  const ended = await Promise.all([
    alone(copy, process.execPath, 'test/tools/my_tool.test.ts'),
    alone(copy, process.execPath, 'docs/generate.ts'),
    alone(copy, path.join(bin, 'tsc')),
    alone(copy, path.join(bin, 'oxlint'))
  ])
  for (const { code, stdout, stderr } of ended) t.equal(code, 0, stdout + stderr)
  t.match(ended[1].stdout, 'every reference page is up to date')
})

t.test('in a folder outside the tree, the new tool is served and passes its test without packages of its own', async t => {
  const dir = path.join(temporaryFolder(t), 'my-tools')
  const { code, stderr } = await newTool('greet.in-French', '--dir', dir)
  t.equal(code, 0, stderr)
  t.same(readdirSync(dir).sort(), ['.gitignore', 'greet_in-French.md', 'greet_in-French.test.ts', 'greet_in-French.ts', 'package.json', 'tsconfig.json'])
  const { call } = await startTools(t, { TOOLS_DIR: dir })
  t.match(await call('greet.in-French', { name: 'Ada' }), { text: 'Hello, Ada!', isError: false })
  const tested = await alone(dir, 'env', `INIT_CWD=${dir}`, process.execPath, path.join(root, 'test/tap.ts'), 'greet_in-French.test.ts')
  t.equal(tested.code, 0, tested.stdout + tested.stderr)
})

t.test('there the compiler knows what a tool is given, and everything that MCPX depends on', async t => {
  const dir = path.join(temporaryFolder(t), 'my-tools')
  t.equal((await newTool('my_tool', '--dir', dir)).code, 0)
  const compiled = await alone(dir, path.join(bin, 'tsc'), '-p', '.')
  t.equal(compiled.code, 0, compiled.stdout)

  rmSync(path.join(dir, 'my_tool.test.ts'))
  writeFileSync(path.join(dir, 'typed.ts'), `import { inputRequired, type FastifyInstance, type CallToolResult, Type } from 'mcpx'
export default async ({ mcp, config, log }: FastifyInstance) => {
  log.info(config.MCP_PATH.length.toFixed())
  mcp.registerTool('typed', { description: 'd', inputSchema: Type.Object({ n: Type.Integer() }), outputSchema: Type.Object({ text: Type.String() }) }, async ({ n }, ctx) => {
    if (ctx.requestState<number>() === undefined) return inputRequired({ inputRequests: {}, requestState: await ctx.mintRequestState(n) })
    const content: CallToolResult['content'] = [{ type: 'text', text: ctx.principal?.id ?? process.version }]
    return { content, structuredContent: { text: n } }
  })
}
`)
  writeFileSync(path.join(dir, '_others.ts'), `import * as packages from '@modelcontextprotocol/client'
import * as server from '@modelcontextprotocol/server'
import { Type } from '@sinclair/typebox'
import SQLite from 'better-sqlite3'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Kysely } from 'kysely'
import OpenAI from 'openai'
export const all = [packages, server, SQLite, fp, Kysely, OpenAI]
export const tool = ({ mcp }: FastifyInstance) => { mcp.registerTool('a', { description: 'd', inputSchema: Type.Object({ b: Type.String() }) }, ({ b }) => ({ content: [{ type: 'text', text: b.trim() }] })) }
`)
  const wrong = await alone(dir, path.join(bin, 'tsc'), '-p', '.', '--pretty', 'false')
  t.match(wrong.stdout, /typed\.ts\(4,\d+\): error TS2345/, 'what does not fit its schema is found')
  t.match(wrong.stdout, "Type 'number' is not assignable to type 'string'")
  t.same(wrong.stdout.split('\n').filter(line => line.includes(': error ')).length, 1, 'and nothing else')
})

t.test('what is written has the modes of whoever writes it, and leaves alone what is there', async t => {
  const dir = path.join(temporaryFolder(t), 'my-tools')
  mkdirSync(dir)
  writeFileSync(path.join(dir, 'package.json'), '{ "type": "module", "name": "mine" }')
  const { code, stderr } = await run(dir, 'sh', '-c', `umask 022; INIT_CWD=$PWD exec ${process.execPath} ${root}/scaffold/new-tool.ts my_tool --dir sub`)
  t.equal(code, 0, stderr)
  for (const file of readdirSync(path.join(dir, 'sub'))) t.equal(statSync(path.join(dir, 'sub', file)).mode & 0o777, 0o644, file)
  t.equal(statSync(path.join(dir, 'sub')).mode & 0o777, 0o755)

  t.equal((await newTool('other_tool', '--dir', dir)).code, 0)
  t.equal(readFileSync(path.join(dir, 'package.json'), 'utf8'), '{ "type": "module", "name": "mine" }')
})

t.test('a name that does not do is refused in one line, and nothing is written', async t => {
  const dir = path.join(temporaryFolder(t), 'my-tools')
  mkdirSync(dir)
  writeFileSync(path.join(dir, 'taken.ts'), '// not mine\nexport default async () => {}\n')
  const cases: [string[], RegExp][] = [
    [['my tool'], /^mcpx: "my tool" cannot be the name of a tool: .* for example my_tool\n$/],
    [['echo'], /^mcpx: a tool called echo is there already, in tools\/echo\.ts\n$/],
    [['taken'], /^mcpx: .*taken\.ts is there already; choose another name, or remove it\n$/],
    [['one', 'two'], /^mcpx: one name is needed\nusage: /]
  ]
  for (const [args, expected] of cases) {
    const { code, stderr } = await newTool(...args, '--dir', dir)
    t.equal(code, 1)
    t.match(stderr, expected)
  }
  t.same(readdirSync(dir), ['taken.ts'])
  for (const name of ['', 'x'.repeat(129), 'naïve', 'a\nb']) t.throws(() => namesOf(name), { message: /takes 1 to 128 of/ })
})

t.test('names that are awkward as code still give a tool that works', async t => {
  const dir = temporaryFolder(t)
  const names = ['delete', '2fa', '_hidden', 'a/b', 'MyTool', '-']
  for (const name of names) writeFileSync(path.join(dir, `${namesOf(name).base}.ts`), toolFile(namesOf(name), true))
  const { client } = await startTools(t, { TOOLS_DIR: dir })
  const { tools } = await client.listTools()
  for (const name of names) t.ok(tools.some(tool => tool.name === name), name)
})
