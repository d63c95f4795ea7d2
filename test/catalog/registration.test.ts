// What a tool file says when it registers something is checked as input is: a word that nobody knows is no silence.
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { promptOf, resourceOf, toolOf } from '../../plugins/catalog/definitions.ts'

const register = (config: object): unknown => toolOf('file.ts', 'faulty', { description: 'd', ...config } as never, () => ({ content: [] }))
const withSchema = (schema: object): unknown => register({ inputSchema: schema })

t.test('a field that does not exist is refused, with what was meant', async t => {
  for (const [field, meant] of [['timeout', ''], ['timeoutMS', '; was timeoutMs meant?'], ['annotation', '; was annotations meant?'], ['scope', '; was scopes meant?'], ['inputschema', '; was inputSchema meant?']] as const) {
    t.throws(() => register({ [field]: 1 }), { message: `tool "faulty": there is no field ${field}${meant}` })
  }
  t.throws(() => promptOf('file.ts', 'faulty', { argSchema: {} } as never, () => ({ messages: [] })), { message: /prompt "faulty": there is no field argSchema; was argsSchema meant\?/ })
  t.throws(() => resourceOf('file.ts', 'faulty', 'x://y', { mimetype: 'text/plain' } as never, () => ({ contents: [] })), { message: /was mimeType meant\?/ })
})

t.test('a number is a whole one, and in its range', async t => {
  for (const field of ['timeoutMs', 'concurrency', 'maxResultBytes', 'cost', 'dailyBudget']) {
    for (const value of [0, -1, 1.5, NaN, Infinity, '5s', '5', null, 2 ** 60]) t.throws(() => register({ [field]: value }), { message: new RegExp(`tool "faulty": ${field} must be a whole number above 0`) }, `${field} ${value}`)
    t.doesNotThrow(() => register({ [field]: 1000 }), field)
  }
  t.throws(() => register({ timeoutMs: 30 * 86_400_000 }), { message: /timeoutMs must be .* at most 2147483647; leave it out/ }, 'beyond a timer of Node every call would end at once')
})

t.test('a keyword that JSON Schema does not have is refused wherever it stands', async t => {
  const text = { type: 'string', minLenght: 3 }
  for (const [schema, path] of [
    [{ type: 'object', properties: { a: text } }, 'properties.a.minLenght'],
    [{ type: 'object', requird: ['a'] }, 'requird'],
    [{ type: 'object', properties: { a: { type: 'array', items: { anyOf: [{ type: 'number' }, text] } } } }, 'properties.a.items.anyOf.1.minLenght'],
    [{ type: 'object', $defs: { a: text } }, '$defs.a.minLenght'],
    [{ type: 'object', additionalProperties: text }, 'additionalProperties.minLenght']
  ] as const) t.throws(() => withSchema(schema), { message: `tool "faulty": inputSchema: ${path} is no keyword of JSON Schema; was ${path.endsWith('requird') ? 'required' : 'minLength'} meant?` })
  t.throws(() => withSchema({ type: 'object', properties: { a: { type: 'string', colour: 'red' } } }), { message: /properties\.a\.colour is no keyword of JSON Schema; those of your own begin with x-/ })
  t.throws(() => register({ outputSchema: { type: 'object', properties: { a: text } } }), { message: /outputSchema: properties\.a\.minLenght/ })
})

t.test('what TypeBox makes, what is data, properties of any name and keywords of one\'s own are taken', async t => {
  const all = Type.Object({
    a: Type.Union([Type.Literal('x'), Type.Null()]), b: Type.Record(Type.String(), Type.Number({ minimum: 1 })), c: Type.Array(Type.Integer()),
    d: Type.Intersect([Type.Object({ e: Type.String({ format: 'date' }) }), Type.Object({})]), f: Type.Unsafe<string>({ type: 'string', enum: ['minLenght'] }), g: Type.Array(Type.Any(), { uniqueItems: true })
  }, { additionalProperties: false })
  t.doesNotThrow(() => withSchema(all))
  t.doesNotThrow(() => withSchema({ type: 'object', properties: { minLenght: { type: 'string', default: 'x' }, o: { type: 'object', default: { minLenght: 1 }, examples: [{ requird: 1 }] } }, 'x-mine': { anything: 1 } }))
})

t.test('a schema of another library is said as JSON Schema, or refused by its name', async t => {
  const said = { type: 'object', properties: { a: { type: 'string', minLength: 3 } }, required: ['a'] }
  const asked: object[] = []
  const tool = toolOf('file.ts', 'fine', { description: 'd', inputSchema: { '~standard': { version: 1, vendor: 'zod', jsonSchema: { input: (options: object) => { asked.push(options); return said } } } } as never }, () => ({ content: [] }))
  t.same(tool.definition.inputSchema, said)
  t.same(asked, [{ target: 'draft-2020-12' }])
  t.equal(tool.validateArguments({ b: 1 }), 'a is required', 'and checks what callers send')
  t.throws(() => withSchema({ '~standard': { version: 1, vendor: 'valibot', validate: () => ({}) } }), { message: /tool "faulty": inputSchema is a schema of valibot, and not JSON Schema/ })
})

t.test('JSON has own members only, and what cannot be compared is a mistake of the caller', async t => {
  const optional = toolOf('file.ts', 'fine', { description: 'd', inputSchema: { type: 'object', properties: { constructor: { type: 'string' }, toString: { type: 'number' } } } as never }, () => ({ content: [] }))
  t.equal(optional.validateArguments({}), undefined)
  const unique = toolOf('file.ts', 'fine', { description: 'd', inputSchema: { type: 'object', properties: { one: { const: { valueOf: 1 } }, tags: { type: 'array', uniqueItems: true } } } as never }, () => ({ content: [] }))
  for (const args of ['{"tags":[{},{"toString":""}]}', '{"one":{"valueOf":false}}', '{"one":{"valueOf":"x","toString":1}}']) t.doesNotThrow(() => unique.validateArguments(JSON.parse(args)), args)
})
