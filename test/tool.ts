// What the test of a tool needs, in one import, so that a tool outside the tree needs no packages of its own: there it is 'mcpx/testing'.
import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { type CallToolResult, Client, type RequestOptions, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t, { type Test } from 'tap'
import { createUser } from '../plugins/accounts/users.ts'
import { type Answers, answerTo, declared } from './answers.ts'
import { runAsTask } from './as-task.ts'
import { Authorization } from './oauth/authorization.ts'
import { DEFAULT_USER, Person } from './oauth/person.ts'
import { startServer, type Started } from './server.ts'

export type { Answers } from './answers.ts'
export { startServer, t }

/** Text of a result's first block, whether it is an error, and the whole result. */
export interface Answer { text: string, isError: boolean, result: CallToolResult }

export interface Call {
  (name: string, args?: Record<string, unknown>): Promise<Answer>
  /** Calls a tool as a client that knows tasks does: it runs in the background, and is asked until it is over. */
  asTask: (name: string, args?: Record<string, unknown>) => Promise<Answer>
}

/** What somebody lets their client do, and answers. */
export interface As {
  /** What they allow the client besides the tools that need no scope of their own. */
  scopes?: readonly string[]
  /** What they answer when a tool asks, by the key of the question. */
  answers?: Answers
}

export interface Connected { client: Client, call: Call }

export interface ToolServer extends Started, Connected {
  /** Signs another user in, who is added if there is none of the name. */
  as: (user: string, as?: As) => Promise<Connected>
}

/** Settings, as in the environment, and who calls: with a user, the server wants a sign-in, and has had it. */
export interface Given extends As {
  user?: string
  [setting: Uppercase<string>]: string | undefined
}

/** Starts a server of its own for a test, with a real client connected to it; both stop when the test ends. */
export async function startTools (t: Test, { user, scopes, answers, ...env }: Given = {}): Promise<ToolServer> {
  const server = await startServer(t, { ...besideTheTest(), ...(user !== undefined && { AUTH_MODE: 'oauth' }), ...env })
  const as = async (user: string | undefined, { scopes = [], answers = {} }: As = {}): Promise<Connected> => {
    const headers: Record<string, string> = user === undefined ? {} : { authorization: `Bearer ${await signIn(server, user, scopes)}` }
    const client = await openClient(t, server.endpoint, headers, 'auto', answers)
    const call = async (name: string, args = {}): Promise<Answer> => answered(await client.callTool({ name, arguments: args }) as CallToolResult)
    const asTask = async (name: string, args = {}): Promise<Answer> => answered(await runAsTask(server.endpoint, headers, name, args, answers))
    return { client, call: Object.assign(call, { asTask }) }
  }
  return { ...server, ...await as(user, { ...(scopes && { scopes }), ...(answers && { answers }) }), as }
}

/** Tools outside the tree lie beside their tests: unless TOOLS_DIR says otherwise, these are meant. */
function besideTheTest (): { TOOLS_DIR?: string } {
  const folder = path.dirname(path.resolve(process.argv[1] ?? ''))
  return `${folder}${path.sep}`.startsWith(path.join(import.meta.dirname, '..') + path.sep) ? {} : { TOOLS_DIR: folder }
}

const answered = (result: CallToolResult): Answer => ({ text: texts(result)[0] ?? '', isError: result.isError ?? false, result })

/** The whole way of a user, in a browser: name, password, and what the client may do. Answers the token. */
async function signIn ({ app, origin }: Started, username: string, scopes: readonly string[]): Promise<string> {
  const password = username === DEFAULT_USER.username ? DEFAULT_USER.password : randomUUID()
  if (username !== DEFAULT_USER.username) await createUser(app.db, username, password)
  const person = new Person(origin)
  const client = await new Authorization(origin, undefined, person).register()
  const { searchParams } = await person.authorize(client.url({ scope: ['mcp', ...scopes].join(' ') }), { username, password })
  const { body } = await client.redeem(searchParams.get('code') ?? '')
  if (body.access_token === undefined) throw new Error(`${username} could not sign in: ${searchParams.get('error_description') ?? JSON.stringify(body)}`)
  return body.access_token
}

export interface Caller {
  client: Client
  /** Calls the tool. */
  call: (args?: Record<string, unknown>, options?: RequestOptions) => Promise<CallToolResult>
  /** Calls the tool and answers its text; fails unless the result is an error exactly when `isError` says so. */
  text: (args?: Record<string, unknown>, isError?: boolean) => Promise<string>
}

/** Connects a client that calls one tool of a running server; it is closed when the test ends. */
export async function connect (t: Test, endpoint: string, tool: string, headers: Record<string, string> = {}, mode: 'auto' | 'legacy' = 'auto'): Promise<Caller> {
  const client = await openClient(t, endpoint, headers, mode)
  const call: Caller['call'] = async (args = {}, options) => await client.callTool({ name: tool, arguments: args }, options) as CallToolResult
  return {
    client,
    call,
    text: async (args, isError = false) => {
      const result = await call(args)
      const text = texts(result).join('\n')
      if (Boolean(result.isError) !== isError) throw new Error(`isError is ${result.isError}: ${text}`)
      return text
    }
  }
}

/** A real client, over HTTP as users' clients are. */
async function openClient (t: Test, endpoint: string, headers: Record<string, string> = {}, mode: 'auto' | 'legacy' = 'auto', answers: Answers = {}): Promise<Client> {
  const capabilities = declared(answers)
  const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode }, capabilities })
  // For questions in a result of 2026-07-28 the SDK takes the key as the id.
  if (capabilities.elicitation !== undefined) client.setRequestHandler('elicitation/create', ({ params }, { mcpReq }) => answerTo(answers, String(mcpReq.id), 'elicitation/create', params) as never)
  if (capabilities.sampling !== undefined) client.setRequestHandler('sampling/createMessage', ({ params }, { mcpReq }) => answerTo(answers, String(mcpReq.id), 'sampling/createMessage', params) as never)
  await client.connect(new StreamableHTTPClientTransport(new URL(endpoint), { requestInit: { headers } }))
  t.teardown(() => client.close())
  return client
}

const texts = ({ content }: CallToolResult): string[] => content.map(part => part.type === 'text' ? part.text : `[${part.type}]`)
