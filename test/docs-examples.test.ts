// The tools that the documentation shows can be copied: they pass the type checker, are served, and do what is said of them.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t, { type Test } from 'tap'
import { temporaryFolder } from './server.ts'
import { startTools } from './tool.ts'

const root = path.join(import.meta.dirname, '..')

/** Writes every block of a page that says which tool file it is into a folder, and answers the folder. */
function copied (t: Test, page: string): string {
  const folder = path.join(temporaryFolder(t), 'tools')
  mkdirSync(folder)
  for (const [, file = '', source = ''] of readFileSync(path.join(root, page), 'utf8').matchAll(/^```ts\n\/\/ tools\/([\w.]+)\n(.*?)^```$/gms)) writeFileSync(path.join(folder, file), source)
  return folder
}

t.test('docs/writing-a-tool.md', async t => {
  const TOOLS_DIR = copied(t, 'docs/writing-a-tool.md')
  const { call, client } = await startTools(t, { TOOLS_DIR })
  const { tools } = await client.listTools()
  for (const name of ['days_until', 'open_ticket', 'count_down', 'delete_note', 'public_holidays', 'stock_price']) t.ok(tools.some(tool => tool.name === name), name)
  t.match((await client.listPrompts()).prompts, [{ name: 'summarize_note' }])
  t.match((await client.listResources()).resources, [{ uri: 'note://about' }, { uri: 'note://by-name/welcome' }])

  t.match(await call('days_until', { date: '2000-01-01' }), { isError: false, text: /^-\d+ days$/ })
  t.match(await call('days_until', { date: 'x' }), { isError: true, text: 'Invalid arguments for days_until: date must match format "date" (The date as YYYY-MM-DD)' })
  t.match(await call('open_ticket', { subject: 'No coffee' }), { isError: true, text: 'The help desk does not answer' })
  t.match(await call('count_down', { from: 1 }), { text: 'Lift-off' })
  t.match(await call('delete_note', { id: '7' }), { isError: true, text: /cannot ask you/ })
  t.match(await call('public_holidays', { country: 'DE', year: 2030 }), { isError: true, text: 'The list of holidays cannot be had now; try again in a minute' })
  t.match(await call('stock_price', { symbol: 'ACME' }), { isError: true, text: 'stock_price is not configured: set STOCKS_API_KEY' })
})

t.test('a tool that asks first deletes only when the user agrees', async t => {
  const { endpoint } = await startTools(t, { TOOLS_DIR: copied(t, 'docs/writing-a-tool.md') })

  for (const mode of ['auto', 'legacy'] as const) {
    const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode }, capabilities: { elicitation: {} } })
    let sure = true
    client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { sure } }))
    await client.connect(new StreamableHTTPClientTransport(new URL(endpoint)))
    t.teardown(() => client.close())
    t.match(await client.callTool({ name: 'delete_note', arguments: { id: '7' } }), { content: [{ text: 'Note 7 is deleted' }] })
    sure = false
    t.match(await client.callTool({ name: 'delete_note', arguments: { id: '7' } }), { content: [{ text: 'Nothing is deleted' }] })
  }
})

t.test('the tools that the pages show pass the type checker', async t => {
  const folders = ['README.md', 'docs/writing-a-tool.md', 'docs/tutorial.md'].map(page => copied(t, page))
  for (const folder of folders) writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}')
  const [folder = ''] = folders
  writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ extends: path.join(root, 'scaffold/tools.tsconfig.json'), include: folders.map(folder => path.join(folder, '*.ts')) }))
  t.doesNotThrow(() => execFileSync('env', ['-u', 'NODE_OPTIONS', path.join(root, 'node_modules/.bin/tsc'), '-p', folder], { stdio: 'pipe', encoding: 'utf8' }))
})

t.test('README.md', async t => {
  const { call } = await startTools(t, { TOOLS_DIR: copied(t, 'README.md') })
  t.match(await call('roll_dice', { sides: 6 }), { isError: false, text: /^[1-6]$/ })
})

t.test('docs/tutorial.md: its tool passes its test', async t => {
  const TOOLS_DIR = copied(t, 'docs/tutorial.md')
  const [, source = ''] = /^```ts\n\/\/ test\/tools\/[\w.]+\n(.*?)^```$/ms.exec(readFileSync(path.join(root, 'docs/tutorial.md'), 'utf8')) ?? []
  const file = path.join(path.dirname(TOOLS_DIR), 'tutorial.test.ts')
  writeFileSync(file, source.replace("'../tool.ts'", `'${path.join(root, 'test/tool.ts')}'`).replaceAll('startTools(t, {', `startTools(t, { TOOLS_DIR: '${TOOLS_DIR}',`))
  const output = execFileSync(process.execPath, [file], { cwd: root, encoding: 'utf8', env: { PATH: process.env.PATH } })
  t.match(output, /^ok 1 - picture_of_the_day answers[^]*^ok 2 - picture_of_the_day says[^]*^# \{ total: \d+, pass: 5 \}$/m)
})
