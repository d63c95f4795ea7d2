// What a handler returns and no client can read is a failure of the tool, with a line in the log that names tool and field; never of the client.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { taskClient } from '../mcp/tasks.ts'
import { answer, legacy, type Message, modern } from '../mcp/wire.ts'
import { startServer, temporaryFolder } from '../server.ts'

/** Results as a tool file has them, and what the log says of each. */
const WRONG: [result: string, said: string][] = [
  ["{ content: [{ type: 'txt', text: 'a' }] }", 'content[0].type must be one of text, image, audio, resource, resource_link, and is "txt"'],
  ["{ content: [{ type: 'text', text: 42 }] }", 'content[0].text must be text, and is a number'],
  ["{ content: [{ type: 'text', text: undefined }] }", 'content[0].text must be text, and is missing'],
  ["{ content: [{ type: 'text', text: Promise.resolve('a') }] }", 'content[0].text must be text, and is a promise; is an await missing?'],
  ["{ content: [{ type: 'text', text: 'fine' }, 'a text'] }", 'content[1] must be an object, and is "a text"'],
  ["{ content: [null] }", 'content[0] must be an object, and is null'],
  ["{ content: [{ type: 'image', data: 'AAAA' }] }", 'content[0].mimeType must be text, and is missing'],
  ["{ content: [{ type: 'audio', mimeType: 'audio/wav' }] }", 'content[0].data must be text, and is missing'],
  ["{ content: [{ type: 'image', data: Buffer.from('a'), mimeType: 'image/png' }] }", 'content[0].data must be text, and is an object'],
  ["{ content: [{ type: 'resource', resource: { text: 'a' } }] }", 'content[0].resource.uri must be text, and is missing'],
  ["{ content: [{ type: 'resource', resource: { uri: 'a:b' } }] }", 'content[0].resource.text must be text, and is missing'],
  ["{ content: [{ type: 'resource', resource: { uri: 'a:b', blob: 7 } }] }", 'content[0].resource.blob must be text, and is a number'],
  ["{ content: [{ type: 'resource' }] }", 'content[0].resource must be an object, and is missing'],
  ["{ content: [{ type: 'resource_link', name: 'a' }] }", 'content[0].uri must be text, and is missing'],
  ["{ content: [{ type: 'text', text: 'a', annotations: { priority: 'high' } }] }", 'content[0].annotations.priority must be a number, and is "high"'],
  ["{ content: 'a text' }", 'content must be a list, and is "a text"'],
  ["{ text: 'a' }", 'content must be a list, and is missing'],
  ["{ content: [], isError: 'yes' }", 'isError must be true or false, and is "yes"'],
  ["{ content: [], _meta: 'a' }", '_meta must be an object, and is "a"'],
  ["'a text'", 'it is no object'],
  ['undefined', 'it is no object']
]

const WRONG_PROMPTS: [result: string, said: string][] = [
  ["{ messages: [{ role: 'user', content: { type: 'text', text: 42 } }] }", 'messages[0].content.text must be text, and is a number'],
  ["{ messages: [{ role: 'system', content: { type: 'text', text: 'a' } }] }", 'messages[0].role must be "user" or "assistant", and is "system"'],
  ["{ messages: [{ role: 'user', content: 'a' }] }", 'messages[0].content must be an object, and is "a"'],
  ["{ messages: ['a'] }", 'messages[0] must be an object, and is "a"'],
  ['{}', 'messages must be a list, and is missing']
]

const WRONG_RESOURCES: [result: string, said: string][] = [
  ["{ contents: [{ text: 'a' }] }", 'contents[0].uri must be text, and is missing'],
  ["{ contents: [{ uri: 'a:b', text: Promise.resolve('a') }] }", 'contents[0].text must be text, and is a promise; is an await missing?'],
  ["{ contents: [{ uri: 'a:b', blob: Buffer.from('a') }] }", 'contents[0].blob must be text, and is an object'],
  ["{ contents: { uri: 'a:b', text: 'a' } }", 'contents must be a list, and is an object']
]

const RIGHT = `[
  { type: 'text', text: 'a', annotations: { priority: 0.5, audience: ['user'] }, _meta: { 'example.com/a': 1 } },
  { type: 'image', data: 'AAAA', mimeType: 'image/png' }, { type: 'audio', data: '', mimeType: 'audio/wav' },
  { type: 'resource', resource: { uri: 'a:b', text: '' } }, { type: 'resource', resource: { uri: 'a:b', blob: 'AAAA', mimeType: 'a/b' } },
  { type: 'resource_link', uri: 'a:b', name: 'b', size: 3 }
]`

const FILE = `import { ResourceTemplate } from '@modelcontextprotocol/server'
export default async function ({ mcp }) {
  const wrong = [${WRONG.map(([result]) => `() => (${result})`)}]
  wrong.forEach((result, i) => mcp.registerTool('wrong_' + i, { description: 'd', task: 'optional' }, result))
  const prompts = [${WRONG_PROMPTS.map(([result]) => `() => (${result})`)}]
  prompts.forEach((result, i) => mcp.registerPrompt('wrong_' + i, {}, result))
  const resources = [${WRONG_RESOURCES.map(([result]) => `() => (${result})`)}]
  resources.forEach((result, i) => mcp.registerResource('wrong_' + i, 'wrong://' + i, {}, result))
  mcp.registerResource('lists', new ResourceTemplate('lists://{id}', { list: () => ({ resources: [{ uri: 'lists://1' }] }) }), {}, () => ({ contents: [] }))
  mcp.registerTool('right', { description: 'd' }, () => ({ content: ${RIGHT} }))
  mcp.registerPrompt('right', {}, () => ({ messages: ${RIGHT}.map(content => ({ role: 'user', content })) }))
}
`

async function start (t: Test) {
  const TOOLS_DIR = temporaryFolder(t)
  writeFileSync(path.join(TOOLS_DIR, 'results.mjs'), FILE)
  return await startServer(t, { TOOLS_DIR })
}

/** The errors that the log has had since it was last asked. */
const errorsOf = (log: string[]): string[] => log.splice(0).map(line => JSON.parse(line)).filter(({ level }) => level === 'error').map(({ err }) => err.message)

t.test('a result that no client can read is an error result, in both eras, and the log names tool and field', async t => {
  const { endpoint, log } = await start(t)
  for (const [i, [result, said]] of WRONG.entries()) {
    for (const [era, ask] of [['2026', modern], ['2025', legacy]] as const) {
      const answered = await answer(ask(endpoint, 'tools/call', { name: `wrong_${i}`, arguments: {} }))
      t.match(answered.result, { isError: true, content: [{ type: 'text', text: /^wrong_\d+ failed unexpectedly; the server's log has the cause/ }] }, `${era} ${result}`)
      t.same(errorsOf(log), [`tool "wrong_${i}" returned what no client can read: ${said}`])
    }
  }
})

t.test('so it is where the call runs as a task', async t => {
  const { endpoint, log } = await start(t)
  const client = taskClient(endpoint)
  for (const i of [0, 1, 3]) {
    const { result } = await client.until(await client.start(`wrong_${i}`), 'completed')
    t.match(result, { isError: true, content: [{ type: 'text', text: /failed unexpectedly/ }] })
    t.same(errorsOf(log), [`tool "wrong_${i}" returned what no client can read: ${WRONG[i]?.[1]}`])
  }
})

t.test('so it is with prompts and resources, whose failures are errors of the server', async t => {
  const { endpoint, log } = await start(t)
  const cases: [method: string, params: object, said: string][] = [
    ...WRONG_PROMPTS.map(([, said], i): [string, object, string] => ['prompts/get', { name: `wrong_${i}` }, `prompt "wrong_${i}" returned what no client can read: ${said}`]),
    ...WRONG_RESOURCES.map(([, said], i): [string, object, string] => ['resources/read', { uri: `wrong://${i}` }, `resource wrong://${i} returned what no client can read: ${said}`])
  ]
  for (const [method, params, said] of cases) {
    for (const ask of [modern, legacy]) {
      const { error }: Message = await answer(ask(endpoint, method, params as Record<string, unknown>))
      t.match(error, { code: -32603, message: /^Internal error; the server's log has the cause/ }, said)
      t.same(errorsOf(log), [said])
    }
  }
  const { result } = await answer(modern(endpoint, 'resources/list'))
  t.match(result?.resources.length, WRONG_RESOURCES.length, 'what a template lists wrongly hides nothing of others')
  t.same(errorsOf(log), ['list returned what no client can read: resources[0].name must be text, and is missing'])
})

t.test('every kind of content that there is reaches the client', async t => {
  const { endpoint, log } = await start(t)
  for (const ask of [modern, legacy]) {
    const { result } = await answer(ask(endpoint, 'tools/call', { name: 'right', arguments: {} }))
    t.same(result?.content.map(({ type }: { type: string }) => type), ['text', 'image', 'audio', 'resource', 'resource', 'resource_link'])
    t.notOk(result?.isError)
    t.equal((await answer(ask(endpoint, 'prompts/get', { name: 'right' }))).result?.messages.length, 6)
  }
  t.same(errorsOf(log), [])
})
