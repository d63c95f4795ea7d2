// A resource is found at every spelling of its URI that is equivalent, and a template gives values as they were before they were encoded.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { answer, legacy } from '../mcp/wire.ts'
import { startServer, temporaryFolder } from '../server.ts'
import { startTools } from '../tool.ts'

const TEMPLATES = [
  'file:///docs/café/{name}', 'file:///my docs/{name}', 'https://Example.COM/things/{id}', 'note://{name}', 'file:///whole/{+path}', 'https://find.example/{?q,page}',
  'http://127.0.0.1:{port}/%7euser', 'note://my shelf/{book}', 'https://zq.example/{zq}'
]
const FIXED = ['file:///notes/été.txt', 'note:shopping list']

const FILE = `import { ResourceTemplate } from '@modelcontextprotocol/server'
export default async function ({ mcp }) {
  for (const [i, template] of ${JSON.stringify(TEMPLATES)}.entries()) {
    mcp.registerResource('t' + i, new ResourceTemplate(template, { list: undefined }), {}, (uri, variables) => ({ contents: [{ uri: uri.href, text: JSON.stringify([template, variables]) }] }))
  }
  for (const [i, uri] of ${JSON.stringify(FIXED)}.entries()) mcp.registerResource('f' + i, uri, {}, uri => ({ contents: [{ uri: uri.href, text: 'fixed' }] }))
}
`

const CASES: [uri: string, template: string, variables: object][] = [
  ['file:///docs/café/a', 'file:///docs/café/{name}', { name: 'a' }],
  ['file:///docs/caf%C3%A9/a', 'file:///docs/café/{name}', { name: 'a' }],
  ['file:///docs/caf%c3%a9/x/../a', 'file:///docs/café/{name}', { name: 'a' }],
  ['file:///my docs/a b', 'file:///my docs/{name}', { name: 'a b' }],
  ['file:///my%20docs/a%20b', 'file:///my docs/{name}', { name: 'a b' }],
  ['https://example.com/things/7', 'https://Example.COM/things/{id}', { id: '7' }],
  ['HTTPS://EXAMPLE.com:443/things/7', 'https://Example.COM/things/{id}', { id: '7' }],
  ['note://shopping%20list', 'note://{name}', { name: 'shopping list' }],
  ['note://Shopping%2fList', 'note://{name}', { name: 'Shopping/List' }],
  ['note://100%25', 'note://{name}', { name: '100%' }],
  ['note://%E9', 'note://{name}', { name: '%E9' }],
  ['file:///whole/a/b%20c', 'file:///whole/{+path}', { path: 'a/b c' }],
  ['https://find.example/?q=caf%C3%A9%26&page=2', 'https://find.example/{?q,page}', { q: 'café&', page: '2' }],
  ['http://127.0.0.1:81/~user', 'http://127.0.0.1:{port}/%7euser', { port: '81' }],
  ['https://zq.example/zqz', 'https://zq.example/{zq}', { zq: 'zqz' }]
]

t.test('templates', async t => {
  const TOOLS_DIR = temporaryFolder(t)
  writeFileSync(path.join(TOOLS_DIR, 'resources.mjs'), FILE)
  const { endpoint, client } = await startTools(t, { TOOLS_DIR })
  for (const [uri, template, variables] of CASES) {
    for (const read of [client.readResource({ uri }), answer(legacy(endpoint, 'resources/read', { uri })).then(({ result, error }) => result ?? { contents: [{ text: JSON.stringify(error) }] })]) {
      const { contents: [content] } = await read as { contents: [{ text: string }] }
      t.same(JSON.parse(content.text), [template, variables], uri)
    }
  }
  t.match(await answer(legacy(endpoint, 'resources/read', { uri: 'file:///docs/cafe/a' })), { error: { message: /not found/i } })
})

t.test('resources', async t => {
  const TOOLS_DIR = temporaryFolder(t)
  writeFileSync(path.join(TOOLS_DIR, 'resources.mjs'), FILE)
  const { endpoint } = await startServer(t, { TOOLS_DIR })
  for (const uri of ['file:///notes/été.txt', 'file:///notes/%c3%a9t%C3%a9%2etxt', 'FILE:///./notes/%C3%A9t%C3%A9.txt', 'note:shopping list', 'note:shopping%20list']) {
    t.match(await answer(legacy(endpoint, 'resources/read', { uri })), { result: { contents: [{ text: 'fixed' }] } }, uri)
  }
})
