// A tool file that cannot be served stops the boot, with one line for the operator: which file, and what is wrong with it.
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { ConfigurationError } from '../../lib/configuration-error.ts'
import { startServer, temporaryFolder } from '../server.ts'

const register = (name: string, config: string) => `export default async function (fastify) { fastify.mcp.registerTool('${name}', ${config}, async () => ({ content: [] })) }\n`

const cases: [string, string, RegExp][] = [
  ['a syntax error', 'export default async function ( {\n', /Expected|Unexpected/],
  ['no default export', 'export const tool = 1\n', /^it has no default export that is a function$/],
  ['a default export that is no function', 'export default { name: "tool" }\n', /^it has no default export that is a function$/],
  ['a package that is not there', "import 'no-such-package'\nexport default async function () {}\n", /^Cannot find package 'no-such-package'$/],
  ['a module that is not there', "import './no-such-module.ts'\nexport default async function () {}\n", /^Cannot find module '.*no-such-module\.ts'$/],
  ['a name that is taken', register('echo', "{ description: 'x' }"), /^tool "echo" is already registered by .*tools\/echo\.ts$/],
  ['a name that clients refuse', register('my tool', "{ description: 'x' }"), /^tool name "my tool" must be 1 to 64 of/],
  ['a schema that is none', register('mine', "{ description: 'x', inputSchema: { type: 'object', properties: { a: { type: 'text' } } } }"), /^tool "mine": inputSchema is not a valid JSON Schema: /],
  ['a schema of TypeBox with something else in it', "import { Type } from '@sinclair/typebox'\n" + register('mine', "{ description: 'x', inputSchema: Type.Object({ a: Type.Unsafe({ type: 'text' }) }) }"), /^tool "mine": inputSchema is not a valid JSON Schema: type must be JSONType/],
  ['arguments that are no object', register('mine', "{ description: 'x', inputSchema: { type: 'string' } }"), /^tool "mine": inputSchema must have type "object"$/],
  ['no description', register('mine', '{}'), /^tool "mine" has no description$/],
  ['no handler', "export default async function (fastify) { fastify.mcp.registerTool('mine', { description: 'x' }) }\n", /^tool "mine" has no handler function$/],
  ['an error of its own', "export default async function () { throw new Error('no connection to the warehouse') }\n", /^no connection to the warehouse$/]
]

for (const [name, source, cause] of cases) {
  t.test(`${name} is named, with its file`, async t => {
    const TOOLS_DIR = path.join(temporaryFolder(t), 'tools')
    mkdirSync(TOOLS_DIR)
    writeFileSync(path.join(TOOLS_DIR, 'broken.ts'), source)
    const problems = await startServer(t, { TOOLS_DIR }).then(() => [], (error: unknown) => error instanceof ConfigurationError ? error.problems : [String(error)])
    t.equal(problems.length, 1)
    const [file, ...rest] = problems[0]?.split(': ') ?? []
    t.match(file, /tools\/broken\.ts$/)
    t.match(rest.join(': '), cause)
    t.notMatch(problems[0], '\n')
  })
}

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
