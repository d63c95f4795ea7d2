// Links in a folder of tools: to a file, to a folder, and the folder itself; they are served, looked after and loaded anew as what they lead to.
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { startServer, temporaryFolder } from '../server.ts'
import { until } from '../support/until.ts'
import { startTools } from '../tool.ts'

const tool = (name: string, says: string, from = '') => `import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'mcpx'
${from === '' ? '' : `import { says } from '${from}'\n`}
export default async (fastify: FastifyInstance) => {
  fastify.mcp.registerTool('${name}', { description: 'd', inputSchema: Type.Object({}) }, () => ({ content: [{ type: 'text', text: ${from === '' ? `'${says}'` : 'says'} }] }))
}
`

/** Tools elsewhere, and a folder of links to them, which is reached by a link. */
function linked (t: Test) {
  const [elsewhere, folder] = [temporaryFolder(t), temporaryFolder(t)]
  const tools = path.join(folder, 'release-1')
  mkdirSync(tools)
  const put = (file: string, text: string) => {
    mkdirSync(path.dirname(path.join(elsewhere, file)), { recursive: true })
    writeFileSync(path.join(elsewhere, file), text)
  }
  put('files/one.ts', tool('one', '', './_says.ts'))
  put('files/_says.ts', "export const says: string = 'one'\n")
  put('two/index.ts', tool('two', '', './says.ts'))
  put('two/says.ts', "export const says: string = 'two'\n")
  symlinkSync(path.join(elsewhere, 'files/one.ts'), path.join(tools, 'one.ts'))
  symlinkSync(path.join(elsewhere, 'two'), path.join(tools, 'two'))
  symlinkSync(tools, path.join(tools, 'loop'))
  writeFileSync(path.join(tools, 'three.ts'), tool('three', 'three'))
  symlinkSync(tools, path.join(folder, 'current'))
  return { TOOLS_DIR: path.join(folder, 'current'), elsewhere, tools, put }
}

t.test('they are served, with what they import', async t => {
  const { TOOLS_DIR } = linked(t)
  const { call } = await startTools(t, { TOOLS_DIR })
  for (const name of ['one', 'two', 'three']) t.match(await call(name), { text: name, isError: false })
})

t.test('they are loaded anew when what they lead to changes', async t => {
  const { TOOLS_DIR, put } = linked(t)
  const { call, log } = await startTools(t, { TOOLS_DIR, TOOLS_RELOAD: 'on' })
  for (const name of ['one', 'two', 'three']) t.match(await call(name), { text: name })
  put('files/one.ts', tool('one', 'one again'))
  await until(() => log.some(line => /one\.ts is served as it is now/.test(line)))
  t.match(await call('one'), { text: 'one again' })
  put('two/says.ts', "export const says: string = 'two again'\n")
  await until(() => log.some(line => /two\/index\.ts is served as it is now/.test(line)))
  t.match(await call('two'), { text: 'two again' })
})

t.test('what they lead to is as closed as what is there, and has to be there', async t => {
  const { TOOLS_DIR, tools, elsewhere } = linked(t)
  chmodSync(path.join(elsewhere, 'two/says.ts'), 0o666)
  await t.rejects(startServer(t, { TOOLS_DIR }), { message: /TOOLS_DIR: \S+two\/says\.ts is loaded by the server and can be changed by others/ })
  chmodSync(path.join(elsewhere, 'two/says.ts'), 0o644)
  chmodSync(path.join(tools, 'three.ts'), 0o666)
  await t.rejects(startServer(t, { TOOLS_DIR }), { message: /TOOLS_DIR: \S+three\.ts is loaded by the server and can be changed by others/ })
  chmodSync(path.join(tools, 'three.ts'), 0o644)
  symlinkSync('/nonexistent.ts', path.join(tools, 'nothing.ts'))
  await t.rejects(startServer(t, { TOOLS_DIR }), { message: /nothing\.ts: Cannot find module/ })
})
