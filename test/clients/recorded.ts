// What clients in the field send, in the order in which they send it: header names as they write them, nothing added.
// Read from their sources where these are public, from logs in public issue threads otherwise (`reported`).

export interface Step {
  method?: 'POST' | 'GET' | 'DELETE' | 'OPTIONS'
  headers: Record<string, string>
  body?: Record<string, unknown>
  /** The header that carries the session id, as the client writes it; none where it forgets the session. */
  session?: string
  /** The status to expect; by default 200, for a notification 202. */
  status?: number
  /** What the answer must have, where 200 is not enough. */
  error?: number
}

export interface Recorded { client: string, source: string, steps: Step[] }

const json = { 'Content-Type': 'application/json' }
const request = (id: number, method: string, params?: object) => ({ jsonrpc: '2.0', id, method, ...(params && { params }) })
const initialized = { method: 'notifications/initialized', jsonrpc: '2.0' }
const initialize = (id: number, protocolVersion: string, capabilities: object, clientInfo: object) => request(id, 'initialize', { protocolVersion, capabilities, clientInfo })
const echo = { name: 'echo', arguments: { message: 'Hello, MCP!' } }

// The transport of TypeScript SDK v1: Claude Code, Cursor and mcp-remote are built on it.
const sdk = { accept: 'application/json, text/event-stream', 'content-type': 'application/json', 'accept-language': '*', 'sec-fetch-mode': 'cors', 'accept-encoding': 'gzip, deflate' }
const sdkSession = (version: string, more: object = {}) => ({ session: 'mcp-session-id', headers: { ...sdk, 'mcp-protocol-version': version, ...more } })
const sdkStream = (version: string): Step => ({ method: 'GET', session: 'mcp-session-id', headers: { accept: 'text/event-stream', 'mcp-protocol-version': version, 'accept-encoding': 'gzip, deflate' } })
const sdkEnd = (version: string): Step => ({ method: 'DELETE', session: 'mcp-session-id', headers: { 'mcp-protocol-version': version } })

const claude = { ...json, Accept: '*/*', 'User-Agent': 'Claude-User' }
const codex = { ...json, Accept: 'text/event-stream, application/json' }
const openai = { ...json, accept: 'application/json, text/event-stream', 'user-agent': 'openai-mcp/1.0.0' }
const vscode = { ...json, Accept: 'text/event-stream, application/json', 'user-agent': 'Visual Studio Code/1.140.0' }
const inspectorMeta = (capabilities: object) => ({
  _meta: {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'mcp-inspector', version: '2.0.0' },
    'io.modelcontextprotocol/clientCapabilities': capabilities
  }
})
const modern = (method: string, name?: string) => ({ ...sdk, 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...(name && { 'mcp-name': name }) })
const inspector = { sampling: {}, elicitation: { form: {}, url: {} }, roots: { listChanged: true }, extensions: { 'io.modelcontextprotocol/tasks': {} } }

export const recorded: Recorded[] = [
  {
    client: 'Claude, hosted: the probe that accepts anything',
    source: 'reported: anthropics/claude-ai-mcp#76',
    steps: [
      { headers: claude, body: { method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'Anthropic', version: '1.0.0' } }, jsonrpc: '2.0', id: 1 } }
    ]
  },
  {
    client: 'Claude, hosted: a session, without the header that names the protocol version',
    source: 'reported: anthropics/claude-ai-mcp#70, #76',
    steps: [
      { headers: claude, body: initialize(0, '2025-11-25', {}, { name: 'Anthropic/ClaudeAI', version: '1.0.0' }) },
      { headers: claude, session: 'Mcp-Session-Id', body: initialized },
      { method: 'GET', headers: { Accept: 'text/event-stream', 'User-Agent': 'Claude-User' }, session: 'Mcp-Session-Id' },
      { headers: claude, session: 'Mcp-Session-Id', body: request(1, 'tools/list', {}) },
      { headers: claude, session: 'Mcp-Session-Id', body: request(2, 'tools/call', { ...echo, _meta: { progressToken: 2 } }) }
    ]
  },
  {
    client: 'Claude, hosted: the session is forgotten between requests',
    source: 'reported: server logs in public repositories',
    steps: [
      { headers: claude, body: initialize(0, '2025-06-18', {}, { name: 'Anthropic/ClaudeAI', version: '1.0.0' }) },
      { headers: claude, body: initialized },
      { headers: claude, body: request(1, 'tools/list', {}) },
      { headers: claude, body: initialize(0, '2025-06-18', {}, { name: 'Anthropic/ClaudeAI', version: '1.0.0' }) },
      { headers: claude, body: request(2, 'tools/call', echo) }
    ]
  },
  {
    client: 'Claude Code, which asks for prompts and resources whether or not there are any',
    source: 'TypeScript SDK v1, client/streamableHttp; reported: anthropics/claude-code#9012, cl-ai-project/cl-mcp#26',
    steps: [
      { headers: { ...sdk, 'user-agent': 'claude-code/2.1.258 (cli)' }, body: initialize(0, '2025-11-25', { roots: {} }, { name: 'claude-code', version: '2.1.258' }) },
      { ...sdkSession('2025-11-25'), body: initialized },
      sdkStream('2025-11-25'),
      { ...sdkSession('2025-11-25'), body: request(1, 'tools/list') },
      { ...sdkSession('2025-11-25'), body: request(2, 'prompts/list'), error: -32601 },
      { ...sdkSession('2025-11-25'), body: request(3, 'resources/list'), error: -32601 },
      { ...sdkSession('2025-11-25'), body: request(4, 'tools/call', { ...echo, _meta: { 'claudecode/toolUseId': 'toolu_01', progressToken: 4 } }) },
      sdkEnd('2025-11-25')
    ]
  },
  {
    client: 'ChatGPT: a new session for each call, and context of its own in _meta',
    source: 'reported: server logs in public repositories',
    steps: [
      { headers: openai, body: initialize(0, '2025-11-25', { experimental: { 'openai/visibility': { enabled: true } }, extensions: { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html;profile=mcp-app'] } } }, { name: 'openai-mcp', version: '1.0.0' }) },
      { headers: { ...openai, 'mcp-protocol-version': '2025-11-25' }, session: 'mcp-session-id', body: initialized },
      { headers: { ...openai, 'mcp-protocol-version': '2025-11-25' }, session: 'mcp-session-id', body: request(1, 'tools/list', {}) },
      { headers: openai, body: initialize(0, '2025-11-25', {}, { name: 'openai-mcp', version: '1.0.0' }) },
      { headers: { ...openai, 'mcp-protocol-version': '2025-11-25' }, session: 'mcp-session-id', body: initialized },
      { headers: { ...openai, 'mcp-protocol-version': '2025-11-25' }, session: 'mcp-session-id', body: request(1, 'tools/call', { ...echo, _meta: { 'openai/session': 'v1/abc', 'openai/subject': 'v1/def', 'openai/locale': 'en-US', 'openai/userAgent': 'ChatGPT/1.2026', 'openai/userLocation': { country: 'US' } } }) },
      { method: 'DELETE', headers: { 'user-agent': 'openai-mcp/1.0.0', 'content-type': 'application/json' }, session: 'mcp-session-id' }
    ]
  },
  {
    client: 'VS Code, which names no protocol version in its headers',
    source: 'microsoft/vscode, src/vs/workbench/api/common/extHostMcp.ts and contrib/mcp/common/mcpServerRequestHandler.ts; capabilities of 1.140',
    steps: [
      {
        headers: vscode,
        body: initialize(1, '2025-11-25', {
          roots: { listChanged: true },
          sampling: {},
          elicitation: { form: {}, url: {} },
          tasks: { list: {}, cancel: {}, requests: { sampling: { createMessage: {} }, elicitation: { create: {} } } },
          extensions: { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html;profile=mcp-app'] } }
        }, { name: 'Visual Studio Code', version: '1.140.0' })
      },
      { method: 'GET', headers: { Accept: 'text/event-stream', 'user-agent': 'Visual Studio Code/1.140.0' }, session: 'Mcp-Session-Id' },
      { headers: vscode, session: 'Mcp-Session-Id', body: { method: 'notifications/initialized', jsonrpc: '2.0' } },
      { headers: vscode, session: 'Mcp-Session-Id', body: request(2, 'logging/setLevel', { level: 'info' }) },
      { headers: vscode, session: 'Mcp-Session-Id', body: request(3, 'tools/list', {}) },
      { headers: vscode, session: 'Mcp-Session-Id', body: request(4, 'tools/call', { ...echo, _meta: { progressToken: 'b0b1', 'vscode.conversationId': 'c', 'vscode.requestId': 'r' } }) },
      { headers: vscode, session: 'Mcp-Session-Id', body: { method: 'notifications/cancelled', params: { requestId: 4 }, jsonrpc: '2.0' } },
      { method: 'DELETE', headers: { 'user-agent': 'Visual Studio Code/1.140.0' }, session: 'Mcp-Session-Id' }
    ]
  },
  {
    client: 'Cursor, whose capabilities are not those of the specification',
    source: 'TypeScript SDK v1; reported: server logs in public repositories',
    steps: [
      { headers: { ...sdk, 'user-agent': 'Cursor/3.9.16 (linux x64)' }, body: initialize(0, '2025-11-25', { tools: true, prompts: true, resources: true, logging: false, elicitation: { form: {} }, roots: { listChanged: false } }, { name: 'cursor-vscode', version: '1.0.0' }) },
      { ...sdkSession('2025-11-25'), body: initialized },
      sdkStream('2025-11-25'),
      { ...sdkSession('2025-11-25'), body: request(1, 'tools/list', {}) },
      { ...sdkSession('2025-11-25'), body: request(2, 'prompts/list', {}), error: -32601 },
      { ...sdkSession('2025-11-25'), body: request(3, 'resources/list', {}), error: -32601 },
      { ...sdkSession('2025-11-25'), body: request(4, 'tools/call', { ...echo, _meta: { progressToken: 4 } }) }
    ]
  },
  {
    client: 'mcp-remote: a client of its own first, then what it speaks for, in an older version',
    source: 'geelen/mcp-remote, src/lib/utils.ts and src/proxy.ts',
    steps: [
      { headers: sdk, body: initialize(0, '2025-11-25', {}, { name: 'mcp-remote-fallback-test', version: '0.0.0' }) },
      { ...sdkSession('2025-11-25'), body: initialized },
      sdkStream('2025-11-25'),
      { headers: sdk, body: initialize(0, '2024-11-05', {}, { name: 'claude-ai (via mcp-remote 0.1.38)', version: '0.1.0' }) },
      { headers: sdk, session: 'mcp-session-id', body: initialized },
      { method: 'GET', headers: { accept: 'text/event-stream' }, session: 'mcp-session-id' },
      { headers: sdk, session: 'mcp-session-id', body: request(1, 'tools/list', {}) },
      { headers: sdk, session: 'mcp-session-id', body: request(2, 'tools/call', echo) },
      sdkEnd('2024-11-05')
    ]
  },
  {
    client: 'the Inspector, 2025 era',
    source: 'modelcontextprotocol/inspector, core/mcp/inspectorClient.ts',
    steps: [
      { headers: sdk, body: initialize(0, '2025-11-25', { ...inspector, tasks: { list: {}, cancel: {}, requests: { sampling: { createMessage: {} }, elicitation: { create: {} } } } }, { name: 'mcp-inspector', version: '2.0.0' }) },
      { ...sdkSession('2025-11-25'), body: initialized },
      sdkStream('2025-11-25'),
      { ...sdkSession('2025-11-25'), body: request(1, 'logging/setLevel', { level: 'debug' }) },
      { ...sdkSession('2025-11-25'), body: request(2, 'tools/list', { _meta: { progressToken: 2 } }) },
      { ...sdkSession('2025-11-25'), body: request(3, 'tools/call', { ...echo, _meta: { progressToken: 3 } }) },
      { ...sdkSession('2025-11-25'), body: request(4, 'ping') },
      sdkEnd('2025-11-25')
    ]
  },
  {
    client: 'the Inspector, 2026 era',
    source: 'modelcontextprotocol/inspector, core/mcp; TypeScript SDK v2',
    steps: [
      { headers: modern('server/discover'), body: request(0, 'server/discover', inspectorMeta(inspector)) },
      { headers: modern('tools/list'), body: request(1, 'tools/list', inspectorMeta(inspector)) },
      { headers: modern('tools/call', 'echo'), body: request(2, 'tools/call', { ...echo, ...inspectorMeta(inspector) }) }
    ]
  },
  {
    client: 'the Inspector, from a page in a browser',
    source: 'modelcontextprotocol/inspector; WHATWG Fetch, CORS protocol',
    steps: [
      { method: 'OPTIONS', status: 204, headers: { Origin: 'http://localhost:6274', 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization,content-type,mcp-protocol-version,mcp-session-id' } },
      { headers: { ...sdk, Origin: 'http://localhost:6274' }, body: initialize(0, '2025-11-25', {}, { name: 'mcp-inspector', version: '2.0.0' }) },
      { ...sdkSession('2025-11-25', { Origin: 'http://localhost:6274' }), body: initialized },
      { ...sdkSession('2025-11-25', { Origin: 'http://localhost:6274' }), body: request(1, 'tools/list') }
    ]
  },
  {
    client: 'Codex',
    source: 'openai/codex, built on the Rust SDK; reported: its initialize request',
    steps: [
      { headers: codex, body: initialize(0, '2025-06-18', { elicitation: { form: {}, url: {} } }, { name: 'codex-mcp-client', title: 'Codex', version: '0.153.4' }) },
      { headers: { ...codex, 'Mcp-Protocol-Version': '2025-06-18' }, session: 'Mcp-Session-Id', body: initialized },
      { method: 'GET', headers: { Accept: 'text/event-stream' }, session: 'Mcp-Session-Id' },
      { headers: { ...codex, 'Mcp-Protocol-Version': '2025-06-18' }, session: 'Mcp-Session-Id', body: request(1, 'tools/list', {}) },
      { headers: { ...codex, 'Mcp-Protocol-Version': '2025-06-18' }, session: 'Mcp-Session-Id', body: request(2, 'tools/call', { ...echo, _meta: { progressToken: 0, threadId: 't' } }) },
      { method: 'DELETE', headers: {}, session: 'Mcp-Session-Id' }
    ]
  },
  {
    client: 'a script that sends no Accept header',
    source: 'reported: bridges and gateways on plain HTTP clients',
    steps: [
      { headers: json, body: initialize(0, '2025-06-18', {}, { name: 'script', version: '1' }) },
      { headers: { 'content-type': 'application/json; charset=utf-8' }, session: 'mcp-session-id', body: request(1, 'tools/list') },
      { headers: { ...json, accept: 'application/*, text/*;q=0.5' }, session: 'mcp-session-id', body: request(2, 'tools/call', echo) }
    ]
  }
]
