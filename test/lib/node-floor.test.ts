// A Node whose decoder of Brotli is not safe is named, and nothing is decoded with it; no service is asked for Brotli on any.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import zlib from 'node:zlib'
import t, { type Test } from 'tap'
import { machine } from '../../doctor/checks/machine.ts'
import { betterNode } from '../../lib/node-floor.ts'
import { readConfig } from '../../plugins/config.ts'
import { missing } from '../ops/daemon.ts'
import { startProcess } from '../process.ts'
import { temporaryFolder } from '../server.ts'

const SERVER = path.join(import.meta.dirname, '../../server.ts')
/** Has a process take its Node for another. */
const taken = (version: string): string => `--import=data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'${version}'}})`

t.test('the oldest safe version of each line', async t => {
  for (const [version, floor] of [['26.12.1', undefined], ['26.12.0', '26.12.1'], ['26.9.9', '26.12.1'], ['26.13.0', undefined], ['25.9.0', '26.12.1'], ['24.22.0', '24.22.1'], ['24.22.1', undefined], ['27.0.0', undefined], ['30.1.2', undefined]] as const) {
    t.equal(betterNode(version), floor, version)
  }
  t.equal(betterNode('26.12.1', { 26: '26.12.2' }), '26.12.2')
  t.equal(betterNode(), undefined, 'and that of package.json is one')
})

t.test('the doctor says so', async t => {
  const check = (node: string) => machine({ config: readConfig({}, ''), envFile: '', node }).checks.find(({ name }) => name === 'Node')?.run({} as never)
  t.match(await check('26.10.0'), { finding: 'node-unsafe', status: 'warning', detail: '26.10.0; 26.12.1 or later is safe' })
  t.match(await check('26.12.1'), { status: 'ok', detail: '26.12.1' })
})

/** A service that answers everything in the encoding that its path ends with, whatever it is asked for, and what it was asked for. */
async function service (t: Test, tls?: https.ServerOptions): Promise<{ origin: string, asked: (string | undefined)[] }> {
  const asked: (string | undefined)[] = []
  const answer: http.RequestListener = (request, response) => {
    asked.push(request.headers['accept-encoding'])
    const encoding = decodeURIComponent(request.url?.split('/').at(-1)?.replace(/\?.*/, '') ?? '')
    const body = encoding.toLowerCase().split(',').reduce((body, name) => name.trim() === 'br' ? zlib.brotliCompressSync(body) : name.trim() === 'gzip' ? zlib.gzipSync(body) : body, Buffer.from('{"answer":"decoded"}'))
    response.writeHead(200, { 'content-type': 'application/json', ...(/br|gzip/i.test(encoding) && { 'content-encoding': encoding }) }).end(body)
  }
  const server = (tls === undefined ? http.createServer(answer) : https.createServer(tls, answer)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close(); server.closeAllConnections() })
  return { origin: `${tls === undefined ? 'http' : 'https'}://localhost:${(server.address() as AddressInfo).port}`, asked }
}

const WAYS = `
  import { brotliDecompress, brotliDecompressSync, createBrotliDecompress, brotliCompressSync } from 'node:zlib'
  const [origin, ...encodings] = process.argv.slice(1)
  const ways = {
    ...Object.fromEntries(encodings.map(encoding => ['fetch ' + encoding, async () => await (await fetch(origin + '/' + encodeURIComponent(encoding))).text()])),
    stream: async () => { let text = ''; for await (const chunk of createBrotliDecompress().end(brotliCompressSync('decoded'))) text += chunk; return text },
    callback: () => new Promise((resolve, reject) => brotliDecompress(brotliCompressSync('decoded'), (error, body) => error ? reject(error) : resolve(String(body)))),
    sync: async () => String(brotliDecompressSync(brotliCompressSync('decoded'))),
    web: async () => await new Response(new Blob([brotliCompressSync('decoded')]).stream().pipeThrough(new DecompressionStream('brotli'))).text()
  }
  for (const [name, way] of Object.entries(ways)) console.log(JSON.stringify([name, await way().catch(error => (error.cause ?? error).code ?? String(error))]))`

t.test('nothing in the process decodes Brotli, and all else is as before', async t => {
  const { origin } = await service(t)
  const guard = path.join(import.meta.dirname, '../../lib/net/no-brotli.ts')
  const encodings = ['br', 'BR', 'gzip, br', 'br, gzip', 'br,br', 'gzip']
  const run = async (before: string) => {
    const script = startProcess(t, {}, [process.execPath, '--input-type=module', '-e', `${before}\n${WAYS}`, '--', origin, ...encodings])
    const { ended, output } = await script
    t.equal(await ended, 0, output.stderr)
    return Object.fromEntries(output.stdout.trim().split('\n').map(line => JSON.parse(line)))
  }
  const [guarded, open] = await Promise.all([run(`import { refuseBrotli } from '${guard}'; refuseBrotli();`), run('')])
  t.match(guarded['fetch gzip'], 'decoded')
  for (const name of Object.keys(guarded).filter(name => name !== 'fetch gzip')) t.equal(guarded[name], 'ERR_BROTLI_REFUSED', name)
  for (const [name, answer] of Object.entries(open)) t.match(answer, 'decoded', `${name}, without it`)
})

t.test('a server on such a Node says so at its start, and refuses; on another it does neither', async t => {
  const { origin } = await service(t)
  const start = async (version: string) => {
    const server = await startProcess(t, { AUTH_MODE: 'noauth', LOG_FORMAT: 'json', WEATHER_GOV_BASE_URL: `${origin}/br` }, [process.execPath, taken(version), SERVER])
    await server.until(/listening on/)
    return server.log().filter(line => /Brotli/.test(String(line.msg)))
  }
  t.match(await start('26.10.0'), [{ level: /warn|40/, node: '26.10.0', safe: '26.12.1' }])
  t.same(await start('26.12.1'), [])
})

t.test('no service is asked for Brotli', { skip: missing('openssl') }, async t => {
  const folder = temporaryFolder(t)
  const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert], { stdio: 'ignore' })
  const { origin, asked } = await service(t, { key: readFileSync(key), cert: readFileSync(cert) })
  const server = await startProcess(t, { AUTH_MODE: 'noauth', NODE_EXTRA_CA_CERTS: cert, WEATHER_GOV_BASE_URL: origin, OPENAI_API_KEY: 'sk-of-nobody', OPENAI_BASE_URL: `${origin}/v1` })
  await server.until(/listening on/)
  for (const [name, args] of [['get_weather', { zip_code: '10001' }], ['web_search', { query: 'x' }]] as const) {
    const before = asked.length
    const answer = await fetch(`${server.origin}/mcp`, { method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }) })
    await answer.text()
    t.ok(asked.length > before, `${name} asked`)
  }
  for (const encodings of asked) t.equal(encodings, 'gzip, deflate')
})
