// What servers of others list gives through MCPX, in both eras, what it gives directly.
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type Client, SSEClientTransport, StreamableHTTPClientTransport, type Tool, type Transport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import t, { type Test } from 'tap'
import { mountedName } from '../../../plugins/catalog/sources/remote/names.ts'
import { startServer, temporaryFolder } from '../../server.ts'
import { freePort } from '../../support/free-port.ts'
import { until } from '../../support/until.ts'
import { connect, packaged, serversFile, type Talk } from './servers.ts'

const folder = temporaryFolder(t)
const [DIRECT, IN] = ['who-0', { 2025: 'who-1', 2026: 'who-2' }] as const
for (const who of [DIRECT, ...Object.values(IN)]) {
  mkdirSync(path.join(folder, who))
  writeFileSync(path.join(folder, who, 'a.txt'), 'one\ntwo\n')
  writeFileSync(path.join(folder, who, 'b.png'), Buffer.from('iVBORw0KGgo=', 'base64'))
}

const files = packaged('server-filesystem', folder)
const memory = (name: string) => ({ ...packaged('server-memory'), env: { MEMORY_FILE_PATH: path.join(folder, name) } })

/** Arguments by tool, for each of the three who call it; null for one that is called elsewhere or nowhere, with the reason. */
type Arguments = Record<string, ((who: string) => object) | object | string>
const EVERYTHING: Arguments = {
  echo: { message: 'hello' },
  'get-annotated-message': { messageType: 'error', includeImage: true },
  'get-env': 'its environment is another by intent',
  'get-resource-links': { count: 3 },
  'get-resource-reference': { resourceType: 'Text', resourceId: 1 },
  'get-structured-content': { location: 'Chicago' },
  'get-sum': { a: 1, b: 2 },
  'get-tiny-image': {},
  'gzip-file-as-resource': { name: 'x.gz', data: 'data:text/plain,hello', outputType: 'resource' },
  'toggle-simulated-logging': {},
  'toggle-subscriber-updates': {},
  'trigger-elicitation-request': {},
  'trigger-long-running-operation': { duration: 0.03, steps: 3 },
  'trigger-sampling-request': { prompt: 'hello', maxTokens: 10 },
  'trigger-url-elicitation': { url: 'https://example.com/', message: 'open' },
  'simulate-research-query': 'it only runs as a task of 2025-11-25'
}
/** What another transport may do to it. */
const OVER_HTTP = Object.fromEntries(['echo', 'get-structured-content', 'get-tiny-image', 'trigger-elicitation-request', 'trigger-long-running-operation', 'trigger-sampling-request', 'trigger-url-elicitation'].map(name => [name, EVERYTHING[name] ?? {}]))
const FILES: Arguments = {
  read_file: who => ({ path: path.join(folder, who, 'a.txt') }),
  read_text_file: who => ({ path: path.join(folder, who, 'a.txt'), head: 1 }),
  read_media_file: who => ({ path: path.join(folder, who, 'b.png') }),
  read_multiple_files: who => ({ paths: [path.join(folder, who, 'a.txt'), path.join(folder, who, 'none.txt')] }),
  write_file: who => ({ path: path.join(folder, who, 'new.txt'), content: 'written' }),
  edit_file: who => ({ path: path.join(folder, who, 'new.txt'), edits: [{ oldText: 'written', newText: 'edited' }] }),
  create_directory: who => ({ path: path.join(folder, who, 'within') }),
  list_directory: who => ({ path: path.join(folder, who) }),
  list_directory_with_sizes: who => ({ path: path.join(folder, who) }),
  directory_tree: who => ({ path: path.join(folder, who) }),
  move_file: who => ({ source: path.join(folder, who, 'new.txt'), destination: path.join(folder, who, 'moved.txt') }),
  search_files: who => ({ path: path.join(folder, who), pattern: '*.txt' }),
  get_file_info: 'its times are those of the moment',
  list_allowed_directories: {}
}
const MEMORY: Arguments = {
  read_graph: 'it has what all of them have made; search_nodes is asked for the own',
  create_entities: who => ({ entities: [{ name: `${who}-a`, entityType: 't', observations: ['x'] }, { name: `${who}-b`, entityType: 't', observations: [] }] }),
  create_relations: who => ({ relations: [{ from: `${who}-a`, to: `${who}-b`, relationType: 'knows' }] }),
  add_observations: who => ({ observations: [{ entityName: `${who}-a`, contents: ['y'] }] }),
  search_nodes: who => ({ query: `${who}-a` }),
  open_nodes: who => ({ names: [`${who}-a`] }),
  delete_observations: who => ({ deletions: [{ entityName: `${who}-a`, observations: ['x'] }] }),
  delete_relations: who => ({ relations: [{ from: `${who}-a`, to: `${who}-b`, relationType: 'knows' }] }),
  delete_entities: who => ({ entityNames: [`${who}-a`, `${who}-b`] })
}
const THINKING: Arguments = { sequentialthinking: { thought: 'hm', nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 } }
const MCPX: Arguments = {
  echo: { message: 'hello' },
  get_request_info: 'it is of another request', get_source_ip: {}, get_weather: { zip_code: '1' }, web_search: { query: 'x' },
  ...Object.fromEntries(['test_simple_text', 'test_image_content', 'test_audio_content', 'test_embedded_resource', 'test_multiple_content_types', 'test_error_handling', 'test_tool_with_progress', 'test_tool_with_logging', 'test_logging_tool', 'test_trigger_tool_change', 'test_trigger_prompt_change', 'test_elicitation_sep1034_defaults', 'test_elicitation_sep1330_enums', 'test_streaming_elicitation', 'test_input_required_result_elicitation', 'test_input_required_result_sampling', 'test_input_required_result_request_state', 'test_input_required_result_multi_round', 'test_input_required_result_capabilities'].map(name => [name, {}])),
  json_schema_2020_12_tool: { name: 'x' }, test_param_header: { region: 'eu' }, test_sampling: { prompt: 'x' }, test_elicitation: { message: 'x' },
  test_missing_capability: {}, confirm_delete: { filename: 'x' }, multi_input: {}, test_tool_with_task: {}, slow_compute: { seconds: 0, label: 'x' },
  greet: { name: 'x' },
  test_reconnection: 'it is about the stream of one connection',
  test_input_required_result_list_roots: 'it asks for roots', test_input_required_result_multiple_inputs: 'it asks for roots', test_input_required_result_tampered_state: 'it is about the state of one client',
  failing_job: 'it only runs as a task', protocol_error_job: 'it only runs as a task'
}

/** Results without what is another each time: who is meant, and what counts up. */
const without = (result: unknown, who: string): unknown => JSON.parse(JSON.stringify(result, (key, value: unknown) =>
  key === '_meta' || key === 'thoughtHistoryLength' || key === 'ttlMs' || key === 'cacheScope' ? undefined : value)
  .replaceAll(who, 'WHO').replaceAll(/thoughtHistoryLength\\": \d+/g, '')
  .replaceAll(/session [\w-]{36}|session undefined|[\w-]{36}|\d\d\d\d-\d\d-\d\dT[\d:.]+Z/g, ''))

async function outcome (client: Client, name: string, args: object, who: string): Promise<unknown> {
  try {
    return without(await client.callTool({ name, arguments: args as Record<string, unknown> }, { timeout: 10_000 }), who)
  } catch (error) {
    const { code, message } = error as { code?: unknown, message: string }
    return { code, message }
  }
}

t.test('every tool of seven servers', async t => {
  const ports = [await freePort(), await freePort()] as const
  const script = packaged('server-everything').args[0] ?? ''
  const [http, sse] = ['streamableHttp', 'sse'].map((transport, i) => {
    const child = spawn(process.execPath, [script, transport], { env: { PATH: process.env.PATH, PORT: String(ports[i]) }, stdio: ['ignore', 'ignore', 'pipe'] })
    t.teardown(() => child.kill('SIGKILL'))
    let said = ''
    child.stderr.setEncoding('utf8').on('data', chunk => { said += chunk })
    return () => /port \d+/.test(said)
  })
  const other = await startServer(t, { TOOLS_DIR: 'test/conformance/tools' })
  await until(() => http?.() && sse?.())
  const front = await startServer(t, {
    MCP_SERVERS: serversFile(folder, {
      everything: packaged('server-everything'),
      files: { ...files, type: 'stdio' },
      memory: memory('mounted.jsonl'),
      thinking: { ...packaged('server-sequential-thinking'), env: { DISABLE_THOUGHT_LOGGING: 'true' } },
      http: { type: 'http', url: `http://127.0.0.1:${ports[0]}/mcp` },
      sse: { url: `http://127.0.0.1:${ports[1]}/sse` },
      mcpx: { url: other.endpoint }
    })
  })
  const stdio = ({ command, args, env }: { command: string, args: string[], env?: Record<string, string> }) => new StdioClientTransport({ command, args, stderr: 'ignore', ...(env && { env }) })
  const table: [string, () => Transport, Arguments][] = [
    ['everything', () => stdio(packaged('server-everything')), EVERYTHING],
    ['files', () => stdio(files), FILES],
    ['memory', () => stdio(memory('direct.jsonl')), MEMORY],
    ['thinking', () => stdio({ ...packaged('server-sequential-thinking'), env: { DISABLE_THOUGHT_LOGGING: 'true' } }), THINKING],
    ['http', () => new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${ports[0]}/mcp`)), OVER_HTTP],
    ['sse', () => new SSEClientTransport(new URL(`http://127.0.0.1:${ports[1]}/sse`)), OVER_HTTP],
    ['mcpx', () => new StreamableHTTPClientTransport(new URL(other.endpoint)), MCPX]
  ]
  const through = { 2025: await connect(t, front.endpoint, '2025'), 2026: await connect(t, front.endpoint, '2026') }
  await until(async () => table.every(([server]) => [...front.app.mcp.tools.keys()].some(name => name.startsWith(`${server}_`))))

  for (const [server, transport, calls] of table) {
    const direct = await connect(t, transport(), server === 'mcpx' ? 'auto' : '2025')
    await t.test(server, t => compare(t, server, direct, calls))
    await direct.client.close()
  }

  await t.test('two callers at once are asked each their own', async t => {
    const answers = await Promise.all(['Ann', 'Bob', 'Cid'].map(async (name, i) => {
      const { client } = await connect(t, front.endpoint, i % 2 === 0 ? '2025' : '2026')
      client.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: { name } }))
      return JSON.stringify(await client.callTool({ name: 'http_trigger-elicitation-request', arguments: {} })).includes(`- Name: ${name}`)
    }))
    t.same(answers, [true, true, true])
  })

  async function compare (t: Test, server: string, direct: Talk, calls: Arguments): Promise<void> {
    const { tools } = await direct.client.listTools()
    if (calls !== OVER_HTTP) t.same(tools.map(({ name }) => name).filter(name => calls[name] === undefined), [], 'each has arguments here')
    const listed = new Map((await through[2026].client.listTools()).tools.map(tool => [tool.name, tool]))
    const byName = new Map(tools.map(tool => [tool.name, tool]))
    for (const [name, args] of Object.entries(calls)) {
      const tool = byName.get(name)
      if (tool === undefined) continue
      const mounted = mountedName(server, name)
      if (name !== 'simulate-research-query') t.same(shownOf(listed.get(mounted)), shownOf(tool), `${name} is described as it is`)
      if (typeof args === 'string') continue
      const of = (who: string): object => typeof args === 'function' ? args(who) : args
      const expected = await outcome(direct.client, name, of(DIRECT), DIRECT)
      const asked = direct.asked.splice(0)
      for (const era of ['2025', '2026'] as const) {
        t.same(await outcome(through[era].client, mounted, of(IN[era]), IN[era]), expected, `${name}, ${era}`)
        if (name.startsWith('toggle-')) await outcome(through[era].client, mounted, of(IN[era]), IN[era]) // off again
        t.same(through[era].asked.splice(0), asked, `${name}, ${era}: what is asked`)
      }
    }
  }
})

const shownOf = (tool: Tool | undefined): object => {
  const { title, description, inputSchema, outputSchema, annotations } = tool ?? {} as Partial<Tool>
  return { title, description, inputSchema, outputSchema, annotations }
}
