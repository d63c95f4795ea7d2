// An OpenAPI document as tools: what they look like, what reaches the API, and what becomes of its answers.
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { CallToolResult, Client } from '@modelcontextprotocol/client'
import t, { type Test } from 'tap'
import { OpenApiDocument } from '../../../plugins/catalog/sources/openapi/document.ts'
import { operationsOf } from '../../../plugins/catalog/sources/openapi/operation.ts'
import { prepare } from '../../../plugins/catalog/sources/openapi/request.ts'
import { type Started, startServer, temporaryFolder } from '../../server.ts'
import { until } from '../../support/until.ts'
import { connect, serversFile } from '../remote/servers.ts'

const string = { type: 'string' }
const json = (schema: object) => ({ content: { 'application/json': { schema } } })
const PETS = {
  openapi: '3.0.3', info: { title: 'Pets', version: '1' }, servers: [{ url: '/v1' }],
  security: [{ key: [] }],
  paths: {
    '/pets': {
      get: { operationId: 'listPets', summary: 'List pets', tags: ['pets'], parameters: [{ name: 'limit', in: 'query', schema: { type: 'integer', nullable: true } }, { name: 'filter', in: 'query', style: 'deepObject', schema: { type: 'object', properties: { name: string } } }, { $ref: '#/components/parameters/tag' }, { name: 'Accept', in: 'header', schema: string }], responses: {} },
      post: { operationId: 'addPet', description: 'Adds <b>a pet</b>.', tags: ['pets'], requestBody: { required: true, ...json({ $ref: '#/components/schemas/Pet' }) }, responses: {} }
    },
    '/pets/{petId}': {
      parameters: [{ name: 'petId', in: 'path', required: true, schema: string }],
      get: { operationId: 'getPet', security: [{ basic: [] }, { key: [] }], responses: {} },
      put: { parameters: [{ name: 'name', in: 'query', schema: string }], requestBody: json({ type: 'object', properties: { name: string }, required: ['name'] }), responses: {} },
      delete: { operationId: 'deletePet', tags: ['dangerous'], responses: {} }
    },
    '/forms': { post: { operationId: 'form', requestBody: { content: { 'application/x-www-form-urlencoded': { schema: { type: 'object', properties: { a: string, b: { type: 'array', items: string } } } } } }, responses: {} } },
    '/upload': { post: { operationId: 'upload', requestBody: { content: { 'multipart/form-data': { schema: { type: 'object', properties: { note: string, file: { type: 'string', format: 'binary' } } } } } }, responses: {} } },
    '/elsewhere': { get: { operationId: 'elsewhere', parameters: [{ $ref: 'http://169.254.169.254/latest#/x' }], responses: {} } }
  },
  components: {
    parameters: { tag: { name: 'tag', in: 'query', schema: { type: 'array', items: string } } },
    schemas: {
      Pet: { allOf: [{ $ref: '#/components/schemas/Named' }, { type: 'object', required: ['kind'], properties: { id: { type: 'integer', readOnly: true }, kind: { type: 'string', enum: ['cat', 'dog'] }, parent: { $ref: '#/components/schemas/Pet' } } }] },
      Named: { type: 'object', required: ['name'], properties: { name: { type: 'string', description: 'What it is called' } } }
    },
    securitySchemes: { key: { type: 'apiKey', in: 'header', name: 'X-Api-Key' }, basic: { type: 'http', scheme: 'basic' } }
  }
}

interface Seen { readonly method: string, readonly url: string, readonly headers: IncomingMessage['headers'], readonly body: string }

/** Answers by what the path says, and remembers what it was sent. */
async function startApi (t: Test): Promise<{ origin: string, seen: Seen[] }> {
  const seen: Seen[] = []
  const answers: Record<string, (response: ServerResponse) => void> = {
    '/openapi.json': response => response.setHeader('content-type', 'application/json').end(JSON.stringify({ ...PETS, servers: [{ url: 'https://evil.example/v1' }] })),
    '/v1/pets/image': response => response.setHeader('content-type', 'image/png').end('png'),
    '/v1/pets/list': response => response.setHeader('content-type', 'application/json').end('[1,2]'),
    '/v1/pets/problem': response => response.writeHead(422, { 'content-type': 'application/problem+json' }).end('{"title":"Bad","detail":"it bites","errors":[{"field":"kind"}]}'),
    '/v1/pets/limited': response => response.writeHead(429, { 'retry-after': '7', 'content-type': 'text/html' }).end('<html>'),
    '/v1/pets/redirect': response => response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
    '/v1/pets/refused': response => response.writeHead(401).end(),
    '/v1/pets/huge': response => response.setHeader('content-type', 'application/json').end(JSON.stringify('x'.repeat(9 * 1024 * 1024))),
    '/v1/pets/none': response => response.writeHead(204).end()
  }
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('latin1').on('data', chunk => { body += chunk }).on('end', () => {
      seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body })
      const answer = answers[request.url ?? '']
      if (answer !== undefined) return answer(response)
      response.setHeader('content-type', 'application/json')
      if (request.url?.includes('limit=1')) response.setHeader('link', '</v1/pets?limit=1&tag=next>; rel="next"')
      response.end(JSON.stringify({ ok: true }))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close(); server.closeAllConnections() })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

t.test('a document as tools', async t => {
  const problems: string[] = []
  const operations = new Map(operationsOf(new OpenApiDocument(JSON.stringify(PETS)), (operation, why) => problems.push(`${operation}: ${why}`)).map(operation => [operation.tool.name, operation]))
  t.match(problems, ['GET /elsewhere: the reference http://169.254.169.254/latest#/x leads to another document, which is not read; bundle the document into one'])
  t.same([...operations.keys()], ['listPets', 'addPet', 'getPet', 'put_pets_petId', 'deletePet', 'form', 'upload'])
  t.same(operations.get('listPets')?.tool, {
    name: 'listPets', title: 'List pets', description: 'List pets',
    inputSchema: { type: 'object', properties: { limit: { type: ['integer', 'null'] }, filter: { type: 'object', properties: { name: string } }, tag: { type: 'array', items: string } }, additionalProperties: false },
    annotations: { readOnlyHint: true, openWorldHint: true }
  })
  t.same(operations.get('addPet')?.tool.inputSchema, {
    type: 'object', required: ['name', 'kind'], additionalProperties: false,
    properties: { name: { type: 'string', description: 'What it is called' }, kind: { type: 'string', enum: ['cat', 'dog'] }, parent: { type: 'object' } }
  }, 'allOf is one, what only the API sets is left out, and a cycle is cut')
  t.equal(operations.get('addPet')?.tool.description, 'Adds a pet.')
  t.match(operations.get('put_pets_petId')?.tool.inputSchema, { required: ['petId'], properties: { petId: string, name: string, body: { type: 'object' } } }, 'a body that may be left out is one argument')
  t.match(operations.get('deletePet')?.tool.annotations, { readOnlyHint: false, destructiveHint: true, idempotentHint: true })
})

t.test('documents in YAML and of 2.0, and what is none', async t => {
  const names = (text: string) => operationsOf(new OpenApiDocument(text), () => {}).map(({ tool }) => tool.name)
  t.same(names('openapi: 3.1.0\npaths:\n  /a:\n    get:\n      operationId: a\n'), ['a'])
  t.same(names('{"swagger":"2.0","info":{},"paths":{"/a":{"post":{"operationId":"b","parameters":[{"in":"body","name":"x","schema":{"type":"object"}}]}}}}'), ['b'])
  for (const text of ['[]', 'x: 1', '{"openapi":"4.0.0"}']) t.throws(() => new OpenApiDocument(text), /it is (?:no OpenAPI document|of OpenAPI 4)/)
  const circle = operationsOf(new OpenApiDocument('{"openapi":"3.1.0","paths":{"/a":{"$ref":"#/paths/~1b"},"/b":{"$ref":"#/paths/~1a"}}}'), (_operation, why) => t.match(why, /leads back to itself/))
  t.same(circle, [])
})

t.test('styles of parameters', async t => {
  const styled = (parameter: object, value: unknown): string => {
    const { path: filled, query, headers } = prepare(operationsOf(new OpenApiDocument(JSON.stringify({ openapi: '3.1.0', paths: { '/a/{x}': { get: { parameters: [{ name: 'x', required: true, schema: {}, ...parameter }] } } } })), () => {})[0] as never, { x: value })
    return [filled.replace('/a/', '').replace('{x}', ''), ...query, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)].filter(Boolean).join(' & ')
  }
  const [list, object] = [['a b', 'c'], { r: 1, g: 'ä' }]
  for (const [parameter, value, expected] of [
    [{ in: 'path' }, 'a/b', 'a%2Fb'], [{ in: 'path' }, list, 'a%20b,c'], [{ in: 'path', explode: true }, object, 'r=1,g=%C3%A4'],
    [{ in: 'path', style: 'label' }, list, '.a%20b,c'], [{ in: 'path', style: 'matrix', explode: true }, list, ';x=a%20b;x=c'], [{ in: 'path', style: 'matrix' }, object, ';x=r,1,g,%C3%A4'],
    [{ in: 'query' }, list, 'x=a%20b & x=c'], [{ in: 'query', explode: false }, list, 'x=a%20b,c'], [{ in: 'query', style: 'pipeDelimited', explode: false }, list, 'x=a%20b%7Cc'],
    [{ in: 'query' }, object, 'r=1 & g=%C3%A4'], [{ in: 'query', style: 'deepObject' }, { a: { b: 1 }, c: [1, 2] }, 'x[a][b]=1 & x[c]=1 & x[c]=2'],
    [{ in: 'query', content: { 'application/json': {} } }, object, 'x=%7B%22r%22%3A1%2C%22g%22%3A%22%C3%A4%22%7D'],
    [{ in: 'header' }, list, 'x: a b,c'], [{ in: 'cookie' }, 'v', 'cookie: x=v']
  ] as const) t.equal(styled(parameter, value), expected, JSON.stringify([parameter, value]))
  for (const value of ['..', '.', '']) t.throws(() => styled({ in: 'path' }, value), /x must not be/, 'it would lead elsewhere')
  t.throws(() => styled({ in: 'header' }, 'a\r\nb: c'), /x must be text of one line/)
})

t.test('calls', async t => {
  const folder = temporaryFolder(t)
  const api = await startApi(t)
  writeFileSync(path.join(folder, 'pets.json'), JSON.stringify(PETS))
  const front: Started = await startServer(t, {
    KEY_OF_PETS: 'key-of-pets', MCP_SERVERS: serversFile(folder, {
      pets: { openapi: 'pets.json', baseUrl: `${api.origin}/v1`, auth: { key: '${KEY_OF_PETS}' }, headers: { 'X-Fixed': 'yes' }, tools: { deletePet: { scopes: ['danger'] } } },
      some: { openapi: 'pets.json', baseUrl: `${api.origin}/v1`, auth: { basic: 'anna:secret' }, operations: { methods: ['get'], paths: ['/pets/*'] } },
      remote: { openapi: `${api.origin}/openapi.json`, operations: { tags: ['dangerous'] } },
      none: { openapi: 'http://127.0.0.1:9/openapi.json' }
    })
  })
  const { client } = await connect(t, front.endpoint, '2026')
  await until(() => front.app.mcp.tools.has('remote_deletePet'))
  const call = async (name: string, args: Record<string, unknown> = {}): Promise<CallToolResult> => await (client as Client).callTool({ name, arguments: args }) as CallToolResult
  const text = async (name: string, args: Record<string, unknown> = {}): Promise<string> => JSON.stringify((await call(name, args)).content.map(block => 'text' in block ? block.text : block))
  const last = (): Seen => api.seen.at(-1) as Seen

  t.same([...front.app.mcp.tools.keys()].filter(name => /^(?:some|remote|none)_/.test(name)).sort(), ['remote_deletePet', 'some_getPet'])
  t.same(front.app.mcp.tools.get('pets_deletePet')?.scopes, ['danger'])

  const listed = await call('pets_listPets', { limit: 1, filter: { name: 'x y' }, tag: ['a', 'b'] })
  t.equal(last().url, '/v1/pets?limit=1&filter[name]=x%20y&tag=a&tag=b')
  t.match(last().headers, { 'x-api-key': 'key-of-pets', 'x-fixed': 'yes', 'accept-encoding': 'identity' })
  t.match(listed, { structuredContent: { ok: true }, content: [{ text: '{"ok":true}' }, { text: 'There is more: call again with limit: "1", tag: "next"' }] })
  await call('pets_addPet', { name: 'Rex', kind: 'dog' })
  t.match(last(), { method: 'POST', url: '/v1/pets', body: '{"name":"Rex","kind":"dog"}', headers: { 'content-type': 'application/json' } })
  await call('some_getPet', { petId: 'a' })
  t.equal(last().headers.authorization, `Basic ${Buffer.from('anna:secret').toString('base64')}`)
  await call('pets_form', { a: 'x&y', b: ['1', '2'] })
  t.match(last(), { body: 'a=x%26y&b=1&b=2', headers: { 'content-type': 'application/x-www-form-urlencoded' } })
  await call('pets_upload', { note: 'hi', file: Buffer.from('content').toString('base64') })
  t.match(last().body, /name="note"\r\n\r\nhi\r\n[^]*name="file"; filename="file"\r\nContent-Type: application\/octet-stream\r\n\r\ncontent\r\n/)

  const sent = api.seen.length
  for (const [args, words] of [[{}, 'petId is required'], [{ petId: '..' }, 'petId must not be ..'], [{ petId: 'a', x: 1 }, 'there is no argument x; there are petId']] as const) t.match(await text('pets_getPet', args), words)
  t.match(await text('remote_deletePet', { petId: 'a' }), 'the document names https://evil.example, which is another origin than its own')
  t.equal(api.seen.length, sent, 'nothing was sent')

  for (const [petId, words] of [
    ['problem', 'The API answers 422 Unprocessable Entity: it bites [{\\"field\\":\\"kind\\"}]'], ['limited', 'The API answers 429 Too Many Requests (try again after 7 s)'],
    ['redirect', 'The API answers 302 Found (it leads to http://169.254.169.254/, which is not followed)'], ['refused', 'The API answers 401 Unauthorized (the API refuses what this server may do there)'],
    ['none', 'Done (204 No Content)'], ['huge', 'The API pets cannot be called: it sent a message of more than 8388608 bytes'], ['image', 'image/png'], ['list', '[1,2]']
  ] as const) t.match(await text('pets_getPet', { petId }), words, petId)
  t.match((await call('pets_getPet', { petId: 'list' })).structuredContent, { result: [1, 2] })
  t.match((await (await fetch(`${front.origin}/health`)).json() as any).checks.mcp_servers.detail, /none: the document http:\/\/127\.0\.0\.1:9\/openapi\.json cannot be read/)
  t.notOk(front.log.some(line => line.includes('key-of-pets')))
})
