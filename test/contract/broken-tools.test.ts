// A tool file that cannot be served stops the boot, with one line for the operator: which file, and what is wrong with it.
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { ConfigurationError } from '../../lib/configuration-error.ts'
import { answer, legacy } from '../mcp/wire.ts'
import { startProcess } from '../process.ts'
import { startServer, temporaryFolder } from '../server.ts'

const register = (name: string, config: string) => `export default async function (fastify) { fastify.mcp.registerTool('${name}', ${config}, async () => ({ content: [] })) }\n`

/** Name, source of the file, where in it the fault is, and what the line says. */
const cases: [string, string, string, RegExp][] = [
  ['a syntax error', 'export default async function ( {\n', ':1', /Expected|Unexpected/],
  ['a syntax error further below', 'const a: number = 1\nconst b = [1 2]\n', ':2:14', /^Expected ',', got 'numeric literal'$/],
  ['a syntax error that only the compiler finds', 'const a: number = 1\n\n  const a = 2\n', ':3:9', /^Identifier 'a' has already been declared$/],
  ['a syntax that is more than types', 'export default async () => {}\nenum Size { Small }\n', ':2:1', /^TypeScript enum is not supported in strip-only mode$/],
  ['what its top level throws', 'const text: unknown = undefined\n\nJSON.parse(text as string)\n', ':3:6', /^"undefined" is not valid JSON$/],
  ['a text that its top level throws', "throw 'nothing works'\n", '', /^nothing works$/],
  ['no default export', 'export const tool = 1\n', '', /^it has no default export that is a function$/],
  ['a default export that is no function', 'export default { name: "tool" }\n', '', /^it has no default export that is a function$/],
  ['a package that is not there', "import 'no-such-package'\nexport default async function () {}\n", ':1:8', /^Cannot find package 'no-such-package'$/],
  ['a module that is not there', "import './no-such-module.ts'\nexport default async function () {}\n", ':1:8', /^Cannot find module '.*no-such-module\.ts'$/],
  ['an import without its ending', "import { one } from './_lib'\nexport default async () => { one() }\n", ':1:21', /^Cannot find module '.*_lib'; imports end as the file does: _lib\.ts$/],
  ['an import with the ending of another', "import { one } from './_lib.js'\nexport default async () => { one() }\n", ':1:21', /; imports end as the file does: _lib\.ts$/],
  ['a type of a package that is imported as a value', "import { FastifyInstance } from 'fastify'\nexport default async (fastify: FastifyInstance) => {}\n", ':1:10', /^fastify exports no FastifyInstance; where that is a type: import type { FastifyInstance }$/],
  ['a type of a neighbour that is imported as a value', "import { one, Two } from './_lib.ts'\nexport default async (two: Two) => { one() }\n", ':1:15', /^\.\/_lib\.ts exports no Two; where that is a type: import type { Two }$/],
  ['a fault in what it imports', "import './_broken.ts'\nexport default async () => {}\n", '', /^_broken\.ts:2:5: Identifier 'q' has already been declared$/],
  ['what throws in what it imports', "import './_throws.ts'\nexport default async () => {}\n", '', /^_throws\.ts:2:7: no table$/],
  ['a name that is taken', register('echo', "{ description: 'x' }"), '', /^tool "echo" is already registered by .*tools\/echo\.ts$/],
  ['a name that clients refuse', register('my tool', "{ description: 'x' }"), '', /^tool name "my tool" must be 1 to 128 of/],
  ['a schema that is none', register('mine', "{ description: 'x', inputSchema: { type: 'object', properties: { a: { type: 'text' } } } }"), '', /^tool "mine": inputSchema is not a valid JSON Schema: /],
  ['a schema of TypeBox with something else in it', "import { Type } from '@sinclair/typebox'\n" + register('mine', "{ description: 'x', inputSchema: Type.Object({ a: Type.Unsafe({ type: 'text' }) }) }"), '', /^tool "mine": inputSchema is not a valid JSON Schema: type must be JSONType/],
  ['arguments that are no object', register('mine', "{ description: 'x', inputSchema: { type: 'string' } }"), '', /^tool "mine": inputSchema must have type "object"$/],
  ['no description', register('mine', '{}'), '', /^tool "mine" has no description$/],
  ['no handler', "export default async function (fastify) { fastify.mcp.registerTool('mine', { description: 'x' }) }\n", '', /^tool "mine" has no handler function$/],
  ['an error of its own', "export default async function () {\n  throw new Error('no connection to the warehouse')\n}\n", ':2:9', /^no connection to the warehouse$/],
  ['a method that is not there', 'export default async function ({ mcp }) {\n  mcp.registerTol()\n}\n', ':2:7', /^mcp\.registerTol is not a function$/]
]

const NEIGHBOURS = {
  '_lib.ts': 'export const one = () => {}\nexport interface Two { two: 2 }\n',
  '_broken.ts': 'const q: number = 1\nlet q = 2\n',
  '_throws.ts': "export {}\nthrow new Error('no table')\n"
}

for (const [name, source, place, cause] of cases) {
  t.test(`${name} is named, with its place`, async t => {
    const TOOLS_DIR = path.join(temporaryFolder(t), 'tools')
    mkdirSync(TOOLS_DIR)
    for (const [file, text] of Object.entries({ ...NEIGHBOURS, 'broken.ts': source })) writeFileSync(path.join(TOOLS_DIR, file), text)
    const problems = await startServer(t, { TOOLS_DIR }).then(() => [], (error: unknown) => error instanceof ConfigurationError ? error.problems : [String(error)])
    t.equal(problems.length, 1)
    const [file, ...rest] = problems[0]?.split(': ') ?? []
    t.equal(file?.slice(file.indexOf('broken.ts')), `broken.ts${place}`)
    t.match(rest.join(': '), cause)
    t.notMatch(problems[0], '\n')
  })
}

t.test('a file that is not loaded in ten seconds is named, whether it waits or runs for ever', async t => {
  const TOOLS_DIR = temporaryFolder(t)
  const hanging = { 'waits.ts': 'await new Promise(() => {})\nexport default async () => {}\n', 'runs.mjs': 'export default async () => {}\n\nlet n = 0\nwhile (true) n++\n' }
  const ended = await Promise.all(Object.entries(hanging).map(async ([file, source]) => {
    const dir = path.join(TOOLS_DIR, path.parse(file).name)
    mkdirSync(dir)
    writeFileSync(path.join(dir, file), source)
    const server = await startProcess(t, { AUTH_MODE: 'noauth', TOOLS_DIR: dir })
    return { code: await server.ended, said: server.output.stderr }
  }))
  t.match(ended[0], { code: 78, said: /^mcpx: .*waits\.ts: it was not loaded after 10 s; does something at its top level wait for what never comes\?\n$/ })
  t.match(ended[1], { code: 78, said: /^mcpx: .*runs\.mjs:4:\d+: it held the event loop for 10 s, and was broken off; does a loop never end\?\n$/ })
})

t.test('while the server runs, such a file is broken off too, and its former version goes on', async t => {
  const TOOLS_DIR = temporaryFolder(t)
  const file = path.join(TOOLS_DIR, 'mine.mjs')
  writeFileSync(file, register('mine', "{ description: 'x' }"))
  const { origin, until } = await startProcess(t, { AUTH_MODE: 'noauth', TOOLS_DIR, TOOLS_RELOAD: 'on' })
  await until(/listening on/)
  writeFileSync(file, 'const forever = true\nwhile (forever);\nexport default async () => {}\n')
  await until(/mine\.mjs:2:\d+: it held the event loop for 10 s, and was broken off; does a loop never end\? \(its former version is served\)/)
  t.match(await answer(legacy(`${origin}/mcp`, 'tools/call', { name: 'mine' })), { result: { content: [] } })
})

t.test('a file that registers nothing is named in the log, and one whose tools are taken away is not', async t => {
  const TOOLS_DIR = temporaryFolder(t)
  writeFileSync(path.join(TOOLS_DIR, 'empty.ts'), 'export default async () => {}\n')
  writeFileSync(path.join(TOOLS_DIR, 'taken_away.ts'), register('taken_away', "{ description: 'x' }"))
  const { log } = await startServer(t, { TOOLS_DIR, TOOLS_DISABLED: 'taken_away' })
  const warnings = log.map(line => JSON.parse(line)).filter(({ level, msg }) => level === 'warn' && /registers no/.test(msg))
  t.equal(warnings.length, 1)
  t.match(warnings[0].msg, /empty\.ts registers no tool, prompt or resource/)
})

t.test('what is no tool file is left alone', async t => {
  const TOOLS_DIR = temporaryFolder(t)
  for (const file of ['broken.test.ts', '_draft.ts', '.hidden.ts', 'types.d.ts', 'notes.md', 'data.json']) writeFileSync(path.join(TOOLS_DIR, file), 'not ( a tool')
  mkdirSync(path.join(TOOLS_DIR, 'folder-without-index'))
  const { app } = await startServer(t, { TOOLS_DIR })
  t.ok(app.mcp.tools.has('echo'))
})

t.test('a folder that is not there is named, with the setting', async t => {
  await t.rejects(startServer(t, { TOOLS_DIR: '/nonexistent' }), { message: 'TOOLS_DIR: the folder /nonexistent cannot be read (ENOENT)' })
})
