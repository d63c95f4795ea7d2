// Asking the user in the middle of a call: one handler for both eras, and state that only comes back as it left.
import path from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { inputRequired } from '@modelcontextprotocol/server'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { startServer } from '../server.ts'
import { answer, events, legacy, modern, openSession, post, type Send } from './wire.ts'

const env = { TOOLS_DIR: path.join(import.meta.dirname, 'tools') }
const INVALID_STATE = { error: { code: -32602, message: 'Invalid or expired requestState' } }

const accept = (content: Record<string, string>) => ({ action: 'accept' as const, content })

t.test('one handler asks in both eras', async t => {
  const { endpoint } = await startServer(t, env)
  for (const mode of ['auto', 'legacy'] as const) {
    t.test(`with the ${mode} client`, async t => {
      const asked: string[] = []
      let given: 'accept' | 'decline' = 'accept'
      const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode }, capabilities: { elicitation: {} } })
      client.setRequestHandler('elicitation/create', ({ params }) => {
        asked.push(params.message)
        if (given === 'decline') return { action: 'decline' }
        return accept(params.message === 'Which size?' ? { size: 'large' } : { name: 'Zoë' })
      })
      await client.connect(new StreamableHTTPClientTransport(new URL(endpoint)))
      t.teardown(() => client.close())

      t.match(await client.callTool({ name: 'order_tea' }), { content: [{ text: 'A large tea for Zoë' }] })
      t.same(asked, ['Which size?', 'For whom?'], 'one question after the other')
      given = 'decline'
      await t.resolves(client.callTool({ name: 'order_tea' }).catch(() => {}), 'and a user who declines is not asked for ever')
      t.ok(asked.length < 30)
    })

    t.test(`the ${mode} client that cannot ask its user is told so`, async t => {
      const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
      await client.connect(new StreamableHTTPClientTransport(new URL(endpoint)))
      t.teardown(() => client.close())
      const outcome = await client.callTool({ name: 'order_tea' }).catch((error: unknown) => error)
      t.match(JSON.stringify(outcome) + String(outcome), /elicitation/)
    })
  }

  t.test('without a session there is nobody to ask', async t => {
    const { result, error } = await answer(legacy(endpoint, 'tools/call', { name: 'order_tea' }))
    t.ok(error ?? result?.isError)
  })
})

t.test('state comes back as it left, to whom it was given', async t => {
  const { endpoint } = await startServer(t, env)
  const call = (params: Record<string, unknown>, send: Send = {}) => answer(modern(endpoint, 'tools/call', params, { ...send, capabilities: { elicitation: {} } }))
  const asAlice = { headers: { 'x-test-caller': 'alice' } }

  const first = await call({ name: 'order_tea' }, asAlice)
  t.match(first, { result: { resultType: 'input_required', inputRequests: { size: { method: 'elicitation/create' } }, requestState: undefined } })
  const second = await call({ name: 'order_tea', inputResponses: { size: accept({ size: 'small' }) } }, asAlice)
  t.match(second, { result: { resultType: 'input_required', inputRequests: { name: { method: 'elicitation/create' } } } })
  const requestState: string = second.result?.requestState
  const last = { inputResponses: { name: accept({ name: 'Alice' }) }, requestState }

  t.test('then the call goes on where it was', async t => {
    t.match(await call({ name: 'order_tea', ...last }, asAlice), { result: { content: [{ text: 'A small tea for Alice' }] } })
  })

  t.test('changed state is refused', async t => {
    const [version, body = '', mac] = requestState.split('.')
    const payload = JSON.parse(Buffer.from(body, 'base64url').toString())
    const forged = Buffer.from(JSON.stringify({ ...payload, p: { size: 'free' } })).toString('base64url')
    for (const state of [`${version}.${forged}.${mac}`, `${requestState.slice(0, -2)}AA`, `${version}.${body}`, 'made up', '']) {
      t.match(await call({ name: 'order_tea', ...last, requestState: state }, asAlice), INVALID_STATE, state)
    }
  })

  t.test("another caller's state is refused", async t => {
    t.match(await call({ name: 'order_tea', ...last }, { headers: { 'x-test-caller': 'bob' } }), INVALID_STATE)
    t.match(await call({ name: 'order_tea', ...last }), INVALID_STATE)
  })

  t.test("another tool's state is refused", async t => {
    t.match(await call({ name: 'order_coffee', ...last }, asAlice), INVALID_STATE)
  })

  t.test("another installation's state is refused", async t => {
    const other = await startServer(t, env)
    t.match(await answer(modern(other.endpoint, 'tools/call', { name: 'order_tea', ...last }, asAlice)), INVALID_STATE)
  })

  t.test('another instance with the same secret goes on with it', async t => {
    const JWT_SECRET_KEY = 'a-secret-that-two-instances-share'
    const [one, two] = [await startServer(t, { ...env, JWT_SECRET_KEY }), await startServer(t, { ...env, JWT_SECRET_KEY })]
    const send = { capabilities: { elicitation: {} } }
    const { result } = await answer(modern(one.endpoint, 'tools/call', { name: 'order_tea', inputResponses: { size: accept({ size: 'small' }) } }, send))
    t.match(await answer(modern(two.endpoint, 'tools/call', { name: 'order_tea', ...last, requestState: result?.requestState }, send)), { result: { content: [{ text: 'A small tea for Alice' }] } })
  })
})

t.test('what was confirmed is done for these arguments, and once', async t => {
  const { app, endpoint } = await startServer(t)
  app.mcp.registerTool('pay', {
    description: 'Pays an amount, after asking',
    inputSchema: Type.Object({
      amount: Type.Integer(), currency: Type.String({ default: 'EUR' }), to: Type.Optional(Type.Object({ name: Type.String(), bank: Type.String({ default: 'any' }) }))
    })
  }, async ({ amount, currency }, ctx) => {
    const asked = ctx.requestState<{ sure: string }>()
    if (asked === undefined || ctx.requestState<{ sure: string }>()?.sure !== 'asked') return inputRequired({ inputRequests: { sure: inputRequired.elicit({ message: 'Sure?', requestedSchema: { type: 'object', properties: {} } }) }, requestState: await ctx.mintRequestState({ sure: 'asked' }) })
    return { content: [{ type: 'text', text: `${amount} ${currency} paid` }] }
  })
  const pay = (args: object, more: object = {}) => answer(modern(endpoint, 'tools/call', { name: 'pay', arguments: args, ...more }, { capabilities: { elicitation: {} } }))
  const confirm = async (args: object) => ({ inputResponses: { sure: accept({}) }, requestState: (await pay(args)).result?.requestState as string })

  t.test('another amount than the one that was confirmed is refused', async t => {
    const confirmed = await confirm({ amount: 1 })
    for (const args of [{ amount: 999999 }, { amount: 1, currency: 'USD' }, { amount: 1, to: { name: 'me' } }, { amount: -1 }, {}]) t.match(await pay(args, confirmed), INVALID_STATE, JSON.stringify(args))
    t.match(await pay({ amount: 1 }, confirmed), { result: { content: [{ text: '1 EUR paid' }] } }, 'and the one that was is paid')
    t.match(await pay({ amount: 1 }, confirmed), INVALID_STATE, 'once')
  })

  t.test('the same arguments are the same in another order, and with the defaults in words', async t => {
    const confirmed = await confirm({ amount: 2, to: { name: 'Zoë' } })
    t.match(await pay({ to: { bank: 'any', name: 'Zoë' }, currency: 'EUR', amount: 2 }, confirmed), { result: { content: [{ text: '2 EUR paid' }] } })
  })

  t.test('state is good for one round for each time that it was given', async t => {
    const [one, two] = [await confirm({ amount: 3 }), await confirm({ amount: 3 })]
    t.match(await pay({ amount: 3 }, two), { result: { content: [{ text: '3 EUR paid' }] } })
    t.match(await pay({ amount: 3 }, one), { result: { content: [{ text: '3 EUR paid' }] } })
  })
})

t.test('a call of a batch keeps its state apart from the others', async t => {
  const { endpoint } = await startServer(t, env)
  const session = await openSession(endpoint, {}, { elicitation: {} })
  const calls = ['tea', 'coffee'].map((drink, id) => ({ jsonrpc: '2.0', id: `${id}`, method: 'tools/call', params: { name: `order_${drink}`, arguments: {} } }))
  const asked: string[] = []
  const texts: string[] = []
  for await (const { message } of events(await post(endpoint, calls, { headers: { ...session, 'mcp-protocol-version': '2025-03-26' } }))) {
    if (message?.method === 'elicitation/create') {
      asked.push(message.params?.message)
      await post(endpoint, { jsonrpc: '2.0', id: message.id, result: accept(message.params?.message === 'Which size?' ? { size: 'large' } : { name: 'Zoë' }) }, { headers: session })
    } else if (message?.result !== undefined) texts.push(message.result.content[0].text)
  }
  t.same(texts.sort(), ['A large coffee for Zoë', 'A large tea for Zoë'])
  t.equal(asked.length, 4)
})
