// What tests of tools are made with: a user who has signed in, answers to what a tool asks, and calls that run as tasks.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { startTools } from './tool.ts'

const TOOLS_DIR = mkdtempSync(path.join(tmpdir(), 'mcpx-'))
t.teardown(() => rmSync(TOOLS_DIR, { recursive: true }))
writeFileSync(path.join(TOOLS_DIR, 'kitchen.ts'), `import { acceptedContent, inputRequired, inputResponse, type FastifyInstance, Type } from 'mcpx'
const ask = (key: string, message: string) => inputRequired({ inputRequests: { [key]: inputRequired.elicit({ message, requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } }) } })
const text = (text: string) => ({ content: [{ type: 'text' as const, text }] })
export default async function ({ mcp }: FastifyInstance) {
  mcp.registerTool('who', { description: 'd' }, (args, ctx) => text(ctx.principal === null ? 'nobody' : [...ctx.principal.scopes].sort().join(' ') + ' ' + ctx.principal.id))
  mcp.registerTool('spend', { description: 'd', scopes: ['budget:spend'], askScopes: 'needed' }, () => text('spent'))
  const cook = (args: object, ctx: import('mcpx').CallContext) => {
    const dish = acceptedContent<{ name: string }>(ctx.inputResponses, 'dish')
    return ctx.inputResponses?.dish === undefined ? ask('dish', 'Which dish?') : text(dish === undefined ? 'nothing' : dish.name)
  }
  mcp.registerTool('cook', { description: 'd', task: 'optional' }, cook)
  mcp.registerTool('plan', { description: 'd', task: 'required', before: (args, ctx) => ctx.inputResponses?.guest === undefined ? ask('guest', 'Who comes?') : undefined },
    (args, ctx) => ctx.inputResponses?.dish === undefined ? ask('dish', 'Which dish?') : text('planned'))
  mcp.registerTool('think', { description: 'd' }, (args, ctx) => {
    const answer = inputResponse(ctx.inputResponses, 'thought')
    return answer.kind === 'missing' ? inputRequired({ inputRequests: { thought: inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text: '?' } }], maxTokens: 10 }) } }) : text(JSON.stringify(answer))
  })
  mcp.registerTool('fails', { description: 'd', task: 'optional', inputSchema: Type.Object({ late: Type.Boolean() }) }, (args, ctx) => { throw ctx.error('no gas') })
}
`)

t.test('without a user nobody signs in; with one, somebody has', async t => {
  t.match(await (await startTools(t, { TOOLS_DIR })).call('who'), { text: 'nobody' })
  const { call, as } = await startTools(t, { TOOLS_DIR, user: 'user2' })
  t.match(await call('who'), { text: /^mcp \d+$/, isError: false })
  const other = await as('user3')
  t.not((await other.call('who')).text, (await call('who')).text)
  t.match(await as('mcpuser').then(({ call }) => call('who')), { text: /^mcp \d+$/ }, 'the user that is there from the start')
})

t.test('a user allows the scopes that the test says, and no others', async t => {
  const { call, as } = await startTools(t, { TOOLS_DIR, user: 'user2' })
  await t.rejects(call('spend'), /budget:spend|403|scope/i)
  const treasurer = await as('user3', { scopes: ['budget:spend'] })
  t.match(await treasurer.call('spend'), { text: 'spent' })
})

t.test('questions are answered by their keys', async t => {
  const { call } = await startTools(t, { TOOLS_DIR, answers: { dish: { name: 'soup' }, thought: { model: 'hm' } } })
  t.match(await call('cook'), { text: 'soup' })
  t.match(await call('think'), { text: /"text":"hm"/ })
  const asked: unknown[] = []
  const second = await startTools(t, { TOOLS_DIR, answers: { dish: ({ message }) => { asked.push(message); return 'decline' } } })
  t.match(await second.call('cook'), { text: 'nothing' })
  t.same(asked, ['Which dish?'])
  const third = await startTools(t, { TOOLS_DIR, answers: { drink: 'cancel' } })
  await t.rejects(third.call('cook'), /there is no answer to "dish" \(elicitation\/create: "Which dish\?"\)/)
})

t.test('a call runs as a task, and is answered before and meanwhile', async t => {
  const { call, as } = await startTools(t, { TOOLS_DIR, user: 'user2', answers: { dish: { name: 'soup' }, guest: { name: 'Ada' } } })
  t.match(await call.asTask('cook'), { text: 'soup', isError: false })
  t.match(await call.asTask('plan'), { text: 'planned' })
  t.match(await call.asTask('fails', { late: true }), { text: 'no gas', isError: true })
  t.match(await call.asTask('fails'), { text: /^Invalid arguments/, isError: true })
  await t.rejects(call.asTask('who'), { message: "who did not run as a task; its configuration needs task: 'optional' or 'required'" })
  const silent = await as('user3', { answers: { guest: 'decline' } })
  await t.rejects(silent.call.asTask('plan'), /there is no answer to "dish"/)
})
