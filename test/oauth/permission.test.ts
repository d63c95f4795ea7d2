// Permission for everything that is served: tools, prompts, resources, templates, completions, subscriptions, tasks; in
// both eras, by both lanes, in sessions and batches. A token opens what its scopes cover, and nothing beside it.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import type { Carrier } from '../../plugins/catalog/calls/call-scope.ts'
import { callTool } from '../../plugins/catalog/calls/call.ts'
import { complete, follow, getPrompt, readResource } from '../../plugins/catalog/calls/read.ts'
import { accept, taskClient, TASKS } from '../mcp/tasks.ts'
import { answer, events, legacy, messages, modern, openSession, post } from '../mcp/wire.ts'
import { startServer, type Started, temporaryFolder } from '../server.ts'
import { Authorization } from './authorization.ts'

const SERVED = `import { inputRequired, ResourceTemplate } from '@modelcontextprotocol/server'
export default async function ({ mcp }) {
  const text = value => ({ content: [{ type: 'text', text: value }] })
  const read = uri => ({ contents: [{ uri: uri.href, text: 'the text of ' + uri.href }] })
  const prompt = () => ({ messages: [{ role: 'user', content: { type: 'text', text: 'a prompt' } }] })
  const argsSchema = { type: 'object', properties: { word: { type: 'string' } } }
  const complete = { word: () => ['a secret suggestion'] }
  for (const [name, scopes] of [['common', undefined], ['narrow', ['narrow:read']], ['vault', ['vault:read', 'vault:open']]]) {
    const config = { description: 'Needs ' + scopes, scopes }
    mcp.registerTool(name, config, () => text(name + ' was called'))
    mcp.registerTool(name + '_task', { ...config, task: 'optional' }, (_args, ctx) => ctx.inputResponses?.size
      ? text(name + ' has ended')
      : inputRequired({ inputRequests: { size: inputRequired.elicit({ message: 'Which?', requestedSchema: { type: 'object', properties: { value: { type: 'string' } } } }) } }))
    mcp.registerPrompt(name, { ...config, argsSchema, complete }, prompt)
    mcp.registerResource(name, name + '://plans', config, read)
    mcp.registerResource(name + ' files', new ResourceTemplate(name + '://files/{id}', { list: undefined, complete: { id: complete.word } }), config, read)
  }
}
`

async function start (t: Test, lane = 'on') {
  const TOOLS_DIR = temporaryFolder(t)
  writeFileSync(path.join(TOOLS_DIR, 'served.ts'), SERVED)
  const server = await startServer(t, { AUTH_MODE: 'oauth', TOOLS_DIR, MCP_DIRECT_LANE: lane })
  const authorization = await new Authorization(server.origin).register()
  const bearer = async (scope: string) => ({ authorization: `Bearer ${(await authorization.tokens({ scope })).access_token}` })
  return { ...server, narrow: await bearer('narrow:read'), common: await bearer('mcp'), vault: await bearer('vault:read vault:open') }
}

/** A request for each kind of thing that is served under a name. */
const asking = (name: string): Record<string, [method: string, params: Record<string, unknown>]> => ({
  tool: ['tools/call', { name, arguments: {} }],
  prompt: ['prompts/get', { name, arguments: {} }],
  resource: ['resources/read', { uri: `${name}://plans` }],
  'resource of a template': ['resources/read', { uri: `${name}://files/7` }],
  'resource by another spelling': ['resources/read', { uri: `${name.toUpperCase()}://plans` }],
  'completion of a prompt': ['completion/complete', { ref: { type: 'ref/prompt', name }, argument: { name: 'word', value: 'a' } }],
  'completion of a template': ['completion/complete', { ref: { type: 'ref/resource', uri: `${name}://files/{id}` }, argument: { name: 'id', value: 'a' } }]
})

const challenge = ({ origin }: Started, missing: string, scope: string): string =>
  `Bearer error="insufficient_scope", error_description="This needs the scope ${missing}", resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp", scope="${scope}"`

for (const lane of ['on', 'off']) {
  t.test(`with the direct lane ${lane}`, async t => {
    const server = await start(t, lane)
    const { endpoint, narrow, common, vault } = server
    const session = { narrow: await openSession(endpoint, narrow), common: await openSession(endpoint, common), vault: await openSession(endpoint, vault) }
    const senders = {
      2026: modern,
      2025: legacy,
      'a session': (endpoint: string, method: string, params: Record<string, unknown>, { headers = {} }: { headers?: Record<string, string> }) =>
        legacy(endpoint, method, params, { headers: Object.values(session).find(({ authorization }) => authorization === headers.authorization) ?? {} })
    }

    for (const [by, send] of Object.entries(senders)) {
      for (const kind of Object.keys(asking(''))) {
        t.test(`${kind}, by ${by}`, async t => {
          const ask = (name: string, headers: Record<string, string>) => send(endpoint, ...asking(name)[kind] as [string, Record<string, unknown>], { headers })
          for (const [name, headers] of [['common', common], ['narrow', narrow], ['vault', vault]] as const) {
            const allowed = await ask(name, headers)
            t.equal(allowed.status, 200, `${name} is open to who may`)
            t.ok((await messages(allowed)).at(-1)?.result)
          }
          for (const [name, headers, missing, scope] of [
            ['common', narrow, 'mcp', 'narrow:read mcp'], ['vault', narrow, 'vault:read vault:open', 'narrow:read vault:read vault:open'],
            ['narrow', common, 'narrow:read', 'mcp narrow:read'], ['common', vault, 'mcp', 'vault:read vault:open mcp']
          ] as const) {
            const refused = await ask(name, headers)
            t.equal(refused.status, 403, `${name} is closed to others`)
            t.equal(refused.headers.get('www-authenticate'), challenge(server, missing, scope))
            t.notMatch(await refused.text(), /the text of|a prompt|was called|suggestion/)
          }
        })
      }
    }

    t.test('a batch is refused as a whole, and asks for all that it takes', async t => {
      const batch = Object.values(asking('vault')).concat(Object.values(asking('common'))).map(([method, params], id) => ({ jsonrpc: '2.0', id, method, params }))
      for (const headers of [narrow, session.narrow]) {
        const refused = await post(endpoint, batch, { headers: { 'mcp-protocol-version': '2025-03-26', ...headers } })
        t.equal(refused.status, 403)
        t.equal(refused.headers.get('www-authenticate'), challenge(server, 'vault:read vault:open mcp', 'narrow:read vault:read vault:open mcp'))
      }
    })

    t.test('changes of a resource are followed by who may read it', async t => {
      for (const uri of ['vault://plans', 'vault://files/7', 'VAULT://plans']) {
        t.equal((await legacy(endpoint, 'resources/subscribe', { uri }, { headers: session.narrow })).status, 403)
        const listening = await modern(endpoint, 'subscriptions/listen', { notifications: { resourceSubscriptions: ['narrow://plans', uri] } }, { headers: narrow })
        t.equal(listening.status, 403)
        t.equal(listening.headers.get('www-authenticate'), challenge(server, 'vault:read vault:open', 'narrow:read vault:read vault:open'))
      }
      t.match(await answer(legacy(endpoint, 'resources/subscribe', { uri: 'narrow://plans' }, { headers: session.narrow })), { result: {} })
      const abort = new AbortController()
      const stream = await modern(endpoint, 'subscriptions/listen', { notifications: { resourceSubscriptions: ['narrow://plans'] } }, { headers: narrow, signal: abort.signal })
      t.equal(stream.status, 200)
      abort.abort()
    })

    t.test('lists show what one can ask for', async t => {
      for (const headers of [narrow, common]) {
        const { result } = await answer(modern(endpoint, 'resources/list', {}, { headers }))
        t.same(result?.resources.map(({ uri }: { uri: string }) => uri), ['common://plans', 'narrow://plans', 'vault://plans'])
        t.notMatch(JSON.stringify(result), /scopes/, 'and not what the server keeps to itself')
      }
    })

    t.test('a task is for who may call its tool', async t => {
      const client = (headers: Record<string, string>) => taskClient(endpoint, undefined, headers)
      const taskId = await client(vault).start('vault_task')
      await client(vault).until(taskId, 'input_required')
      for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
        const refused = await modern(endpoint, method, { taskId, inputResponses: { 'size:1': accept('x') } }, { headers: { ...narrow, 'mcp-name': taskId }, capabilities: TASKS })
        t.equal(refused.status, 403, method)
        t.equal(refused.headers.get('www-authenticate'), challenge(server, 'vault:read vault:open', 'narrow:read vault:read vault:open'))
      }
      const abort = new AbortController()
      const stream = await modern(endpoint, 'subscriptions/listen', { notifications: { taskIds: [taskId] } }, { headers: narrow, capabilities: TASKS, signal: abort.signal })
      for await (const { message } of events(stream)) {
        if (message?.method !== 'notifications/subscriptions/acknowledged') continue
        t.notOk(message.params?.notifications.taskIds, 'and nobody else hears of it')
        break
      }
      abort.abort()
      t.equal((await client(vault).get(taskId)).result?.status, 'input_required', 'nothing has changed it')
      await client(vault).update(taskId, { 'size:1': accept('x') })
      t.match(await client(vault).until(taskId, 'completed'), { result: { content: [{ text: 'vault has ended' }] } })
    })
  })
}

t.test('the core refuses what a way in has forgotten to ask for', async t => {
  const { app } = await start(t)
  const { mcp, callLimits } = app
  const refused: string[][] = []
  const carrier = {
    request: { principal: { id: '1', scopes: new Set(['narrow:read']) }, narrowed: null, log: app.log, server: app },
    era: '2026',
    onGone () {},
    ended () {},
    refused: ({ scopes }: { scopes: string[] }) => { refused.push(scopes) }
  } as unknown as Carrier
  const message = { message: 'This needs the scope vault:read vault:open' }
  const word = { name: 'word', value: 'a' }
  await t.rejects(async () => await callTool(mcp, callLimits, 'vault', {}, carrier), message)
  await t.rejects(getPrompt(mcp, callLimits, 'vault', {}, carrier), message)
  await t.rejects(readResource(mcp, callLimits, 'vault://plans', carrier), message)
  await t.rejects(readResource(mcp, callLimits, 'vault://files/7', carrier), message)
  await t.rejects(complete(mcp, callLimits, { ref: { type: 'ref/prompt', name: 'vault' }, argument: word }, carrier), message)
  await t.rejects(complete(mcp, callLimits, { ref: { type: 'ref/resource', uri: 'vault://files/{id}' }, argument: word }, carrier), message)
  t.throws(() => follow(mcp, 'vault://plans', carrier), message)
  t.equal(refused.length, 7, 'and tells the way in, which makes a challenge of it')
  t.match(await callTool(mcp, callLimits, 'narrow', {}, carrier), { result: { content: [{ text: 'narrow was called' }] } })
})

t.test('the scopes of everything are announced', async t => {
  const { origin } = await start(t)
  const { scopes_supported: scopes } = await (await fetch(`${origin}/.well-known/oauth-protected-resource/mcp`)).json() as { scopes_supported: string[] }
  t.same(scopes, ['mcp', 'narrow:read', 'vault:read', 'vault:open'])
})

t.test('a name that every object has is completed by nothing', async t => {
  const { endpoint, common } = await start(t)
  for (const name of ['constructor', 'toString', '__proto__']) {
    for (const ref of [{ type: 'ref/prompt', name: 'common' }, { type: 'ref/resource', uri: 'common://files/{id}' }]) {
      t.match(await answer(modern(endpoint, 'completion/complete', { ref, argument: { name, value: 'a' } }, { headers: common })), { result: { completion: { values: [], total: 0 } } })
    }
  }
})
