// Schemas of draft-07 are checked as such, tuples of TypeBox are tuples, and a name may be as long as the protocol lets it.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { temporaryFolder } from '../server.ts'
import { startTools } from '../tool.ts'

const LONG = 'n'.repeat(128)

const FILE = `import { type FastifyInstance, Type } from 'mcpx'
const echo = (args: unknown) => ({ content: [{ type: 'text' as const, text: JSON.stringify(args) }] })
export default async ({ mcp }: FastifyInstance) => {
  for (const [i, $schema] of ['http://json-schema.org/draft-07/schema#', 'https://json-schema.org/draft-07/schema'].entries()) {
    mcp.registerTool('draft07_' + i, {
      description: 'd',
      inputSchema: {
        $schema, type: 'object', required: ['pair'], additionalProperties: false, definitions: { name: { type: 'string', maxLength: 5 } },
        properties: { pair: { type: 'array', items: [{ type: 'string', description: 'a name' }, { type: 'integer' }], additionalItems: false }, name: { $ref: '#/definitions/name' }, card: { type: 'string' }, address: { type: 'string' } },
        dependencies: { card: ['address'] }
      }
    }, echo)
  }
  const Pair = Type.Tuple([Type.String({ description: 'a name' }), Type.Integer()])
  mcp.registerTool('tuples', {
    description: 'd',
    inputSchema: Type.Object({ pair: Pair, many: Type.Optional(Type.Array(Pair)), default: Type.Optional(Pair), either: Type.Optional(Type.Union([Type.Tuple([]), Pair])) }),
    outputSchema: Type.Object({ pair: Pair })
  }, ({ pair }) => {
    const [name, age] = pair
    return { content: [{ type: 'text', text: name.trim() + age.toFixed() }], structuredContent: { pair: name === 'wrong' ? [age, name] as never : pair } }
  })
  mcp.registerTool('${LONG}', { description: 'd' }, echo)
}
`

async function start (t: Test) {
  const TOOLS_DIR = temporaryFolder(t)
  writeFileSync(path.join(TOOLS_DIR, 'dialects.ts'), FILE)
  return await startTools(t, { TOOLS_DIR })
}

t.test('draft-07', async t => {
  const { call, client } = await start(t)
  for (const name of ['draft07_0', 'draft07_1']) {
    t.match(await call(name, { pair: ['a', 1], name: 'Ada' }), { isError: false, text: '{"pair":["a",1],"name":"Ada"}' })
    for (const [args, says] of [
      [{ pair: [1, 1] }, 'pair.0 must be string (a name)'], [{ pair: ['a', 1, 2] }, 'pair must NOT have more than 2 items'], [{ pair: [], name: 'too long' }, 'name must NOT have more than 5 characters'],
      [{ pair: [], card: '1' }, 'the value must have property address when property card is present']
    ] as const) t.match(await call(name, args), { isError: true, text: `Invalid arguments for ${name}: ${says}` })
  }
  const { tools } = await client.listTools()
  t.equal(tools.find(({ name }) => name === 'draft07_0')?.inputSchema.$schema, 'http://json-schema.org/draft-07/schema#', 'clients are told so')
})

t.test('tuples of TypeBox', async t => {
  const { call, client } = await start(t)
  t.match(await call('tuples', { pair: ['Ada', 36], many: [['a', 1]], default: ['b', 2], either: [] }), { isError: false, text: 'Ada36', result: { structuredContent: { pair: ['Ada', 36] } } })
  for (const [args, says] of [
    [{ pair: [36, 'Ada'] }, 'pair.0 must be string (a name)'], [{ pair: ['Ada', 36, 1] }, 'pair must NOT have more than 2 items'], [{ pair: ['a', 1], many: [['a', 'b']] }, 'many.0.1 must be integer'],
    [{ pair: ['a', 1], default: ['a'] }, 'default must NOT have fewer than 2 items'], [{ pair: ['a', 1], either: ['a'] }, /^either(\.| must)/]
  ] as const) t.match(await call('tuples', args), { isError: true, text: says instanceof RegExp ? /either/ : `Invalid arguments for tuples: ${says}` })
  t.match(await call('tuples', { pair: ['wrong', 1] }), { isError: true, text: /failed unexpectedly/ })
  const { tools } = await client.listTools()
  t.match(tools.find(({ name }) => name === 'tuples')?.inputSchema.properties?.pair, { prefixItems: [{ type: 'string' }, { type: 'integer' }], items: false }, 'as JSON Schema 2020-12 has them')
})

t.test('a name of 128 characters', async t => {
  const { call, log } = await start(t)
  t.match(await call(LONG, { }), { isError: false })
  t.ok(log.some(line => line.includes(`"${LONG}"`)), 'the log has it whole')
})
