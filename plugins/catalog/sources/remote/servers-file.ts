// The file of MCP_SERVERS, in the form that Claude Desktop, Cursor and VS Code have theirs, with our terms beside.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { getNodeValue, type Node, parseTree, type ParseError, printParseErrorCode } from 'jsonc-parser'
import { ConfigurationError } from '../../../../lib/configuration-error.ts'
import type { Environment } from '../../../../lib/environment.ts'
import { requireClosed, requireTrustedFile } from '../../../../lib/trusted-files.ts'
import type { ApiTarget, Definition, HttpTarget, ProcessTarget, Terms, ToolTerms } from './definition.ts'
import { checkServer, checkTool } from './fields.ts'
import { asName } from './names.ts'
import { expand, USER } from './variables.ts'

const SETTING = 'MCP_SERVERS'
const MOST_BYTES = 1024 * 1024
const MOST_SERVERS = 100
const USERS = 10
const USER_IDLE_MINUTES = 10
const CONNECT_SECONDS = 30
const MINUTE_MS = 60_000
const SECRET = /KEY|TOKEN|SECRET|PASS|AUTH|CREDENTIAL|COOKIE/i

export interface ServersFile {
  readonly servers: readonly Definition[]
  /** What may not be in a log. */
  readonly secrets: readonly string[]
}

type Fields = Readonly<Record<string, any>>

/**
 * Reads the file.
 * @param shown its path as the setting has it, which begins each message
 * @throws ConfigurationError with a line for each mistake
 */
export function readServersFile (shown: string, environment: Environment): ServersFile {
  const file = path.resolve(shown)
  requireTrustedFile(file, SETTING, true) // what is started stands in it
  const problems: string[] = []
  const secrets = new Set<string>()
  let literalSecret = false
  const all = serversIn(file, shown)
  const servers = all.flatMap(([name, given]) => {
    const problem = (line: string): void => { problems.push(`${shown}: ${name}: ${line}`) }
    const fields = withVariables(given, problem)
    checkServer(fields, problem)
    if (fields.disabled === true || fields.enabled === false) return []
    const before = problems.length
    const server = definitionOf(name, fields, path.dirname(file), problem)
    return problems.length > before ? [] : [server]
  })
  for (const [prefix, names] of Map.groupBy(servers, ({ prefix }) => prefix)) {
    if (prefix !== '' && names.length > 1) problems.push(`${shown}: ${names.map(({ name }) => name).join(' and ')} would both begin their names with ${prefix}; give one of them another prefix`)
  }
  if (problems.length > 0) throw new ConfigurationError(problems)
  if (literalSecret) requireClosed(file, SETTING)
  return { servers, secrets: [...secrets] }

  /** What is reached how, with the variables of the environment. What the operator says of tools is taken as it is. */
  function withVariables (given: Fields, problem: (line: string) => void): Fields {
    const at = (field: string, key: string) => (value: unknown): unknown => {
      if (typeof value !== 'string') return value
      const text = expand(value, { get: name => environment.use(name), folder: path.dirname(file) }, line => problem(`${field}: ${line}`), (name, found) => { if (SECRET.test(name)) keep(found) })
      if (SECRET.test(key) && text !== '') {
        keep(text.replace(/^(?:Bearer|Basic|Token) /i, ''))
        if (!/\$\{/.test(value)) literalSecret = true
      }
      return text
    }
    const each = (field: string, value: unknown): unknown => {
      if (Array.isArray(value)) return value.map((item, i) => at(`${field}.${i}`, '')(item))
      if (value !== null && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, at(`${field}.${key}`, key)(item)]))
      return at(field, '')(value)
    }
    return Object.fromEntries(Object.entries(given).map(([field, value]) => [field, EXPANDED.has(field) ? each(field, value) : value]))
  }

  function keep (secret: string): void { if (secret.length >= 8) secrets.add(secret) }
}

const EXPANDED = new Set(['command', 'args', 'env', 'cwd', 'url', 'httpUrl', 'serverUrl', 'headers', 'openapi', 'baseUrl', 'query', 'auth'])

/** The servers by name, in the order of the file. */
function serversIn (file: string, shown: string): [string, Fields][] {
  const text = textOf(file)
  const errors: ParseError[] = []
  const tree = parseTree(text, errors, { allowTrailingComma: true })
  const [error] = errors
  if (tree === undefined) throw new ConfigurationError([`${shown}: it is empty`])
  if (error !== undefined) throw new ConfigurationError([`${shown}:${placeOf(text, error.offset)}: ${words(printParseErrorCode(error.error))}`])
  const twice = duplicateIn(tree)
  if (twice !== undefined) throw new ConfigurationError([`${shown}:${placeOf(text, twice.offset)}: ${JSON.stringify(twice.value)} is there twice`])
  const whole = getNodeValue(tree) as unknown
  const found = isObject(whole) ? ['mcpServers', 'servers'].flatMap(key => whole[key] === undefined ? [] : [whole[key]]) : []
  const [servers, second] = found
  if (second !== undefined) throw new ConfigurationError([`${shown}: it has "mcpServers" and "servers"; put all into one of them`])
  if (!isObject(servers)) throw new ConfigurationError([`${shown}: it needs an object "mcpServers" (or "servers") of servers by name: { "mcpServers": { "memory": { "command": "npx", "args": ["-y", "@modelcontextprotocol/server-memory"] } } }`])
  const entries = Object.entries(servers)
  if (entries.length > MOST_SERVERS) throw new ConfigurationError([`${shown}: it has ${entries.length} servers, more than the ${MOST_SERVERS} that there may be`])
  const wrong = entries.find(([, given]) => !isObject(given))
  if (wrong !== undefined) throw new ConfigurationError([`${shown}: ${wrong[0]}: it must be an object, with "command", "url" or "openapi"`])
  return entries as [string, Fields][]
}

function textOf (file: string): string {
  try {
    const bytes = readFileSync(file)
    if (bytes.length > MOST_BYTES) throw new Error(`it is larger than ${MOST_BYTES} bytes`)
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new ConfigurationError([`${SETTING}: the file ${file} cannot be read: ${code === 'ENOENT' ? 'there is none' : code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8' : message}`], { cause: error })
  }
}

/** The first key that an object has a second time: what it would mean is up to who reads it. */
function duplicateIn (node: Node): Node | undefined {
  const seen = new Set<unknown>()
  for (const child of node.children ?? []) {
    const [key] = child.children ?? []
    if (node.type === 'object' && key !== undefined) {
      if (seen.has(key.value)) return key
      seen.add(key.value)
    }
    const within = duplicateIn(child)
    if (within !== undefined) return within
  }
}

function definitionOf (name: string, fields: Fields, folder: string, problem: (line: string) => void): Definition {
  const { prefix = asName(name).slice(0, 40), tools, allow, hide = [], prompts = true, resources = true, concurrency = Infinity, perUser = false, maxUsers = USERS, start = 'boot', idleMinutes, connectSeconds = CONNECT_SECONDS, pin = false } = fields
  if (Array.isArray(tools) && allow !== undefined) problem('tools is a list of what is allowed, and so is allow; one will do')
  if (Array.isArray(tools) && !tools.every(pattern => typeof pattern === 'string')) problem('tools must be a list of patterns such as "get_*", or an object of terms by the name of a tool')
  const byTool = isObject(tools) ? Object.entries(tools) : []
  for (const [tool, terms] of byTool) {
    if (isObject(terms)) checkTool(terms, line => problem(`tools.${tool}: ${line}`))
    if (isObject(terms) && tool.includes('*') && terms.name !== undefined) problem(`tools.${tool}: name is of one tool, and not of a pattern`)
    if (!isObject(terms)) problem(`tools.${tool}: it must be an object, such as { "scopes": ["write"] }`)
  }
  const mount = {
    name, prefix, hide, concurrency, pin,
    allow: Array.isArray(tools) ? tools : allow,
    terms: termsOf(fields),
    tools: new Map(byTool.map(([tool, terms]) => [tool, terms as ToolTerms]))
  }
  if (fields.openapi !== undefined) return { ...mount, target: apiOf(fields, folder, problem) }
  for (const field of ['baseUrl', 'query', 'auth', 'operations']) if (fields[field] !== undefined) problem(`${field} is of APIs, with "openapi"`)
  const target = targetOf(fields, folder, problem)
  if (!perUser && maxUsers !== USERS) problem('maxUsers is of servers with "perUser": true')
  if (!perUser && usesUser(target)) problem(`${USER} is of servers with "perUser": true, which are started for one person each`)
  return {
    ...mount, target, prompts, resources, perUser, maxUsers, start,
    idleMs: (idleMinutes ?? (perUser ? USER_IDLE_MINUTES : Infinity)) * MINUTE_MS,
    connectMs: connectSeconds * 1000
  }
}

const OF_SERVERS = ['type', 'transport', 'command', 'args', 'env', 'cwd', 'url', 'httpUrl', 'serverUrl', 'perUser', 'maxUsers', 'start', 'idleMinutes', 'connectSeconds', 'prompts', 'resources']

function apiOf (fields: Fields, folder: string, problem: (line: string) => void): ApiTarget {
  const { openapi, baseUrl, headers = {}, query = {}, auth = {}, operations: { tags, paths, methods } = {} } = fields
  for (const field of OF_SERVERS) if (fields[field] !== undefined) problem(`${field} does not go with openapi`)
  const isFile = !/^https?:/i.test(openapi)
  if (!isFile && !URL.canParse(openapi)) problem('openapi must be a file or an http:// or https:// URL')
  if (baseUrl !== undefined && !/^https?:$/.test(URL.parse(baseUrl)?.protocol ?? '')) problem('baseUrl must be an http:// or https:// URL')
  checkHeaders(headers, problem)
  return { kind: 'openapi', document: isFile ? path.resolve(folder, openapi) : openapi, isFile, baseUrl, headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)])), query, auth, only: { tags, paths, methods: methods?.map((method: string) => method.toUpperCase()) } }
}

const termsOf = ({ scopes, scopeTitles, askScopes, timeoutMs, maxResultBytes }: Fields): Terms => ({ scopes, scopeTitles, askScopes, timeoutMs, maxResultBytes })

const usesUser = (target: ProcessTarget | HttpTarget): boolean => JSON.stringify(target).includes(USER)

const KINDS: Record<string, 'process' | HttpTarget['kind']> = { stdio: 'process', local: 'process', http: 'http', 'streamable-http': 'http', streamablehttp: 'http', 'streamable_http': 'http', remote: 'any', sse: 'sse' }

function targetOf (fields: Fields, folder: string, problem: (line: string) => void): ProcessTarget | HttpTarget {
  const { command, args = [], env = {}, cwd = '.', url = fields.httpUrl ?? fields.serverUrl, headers = {}, type = fields.transport } = fields
  const kind = typeof type === 'string' ? KINDS[type.toLowerCase()] : undefined
  if (typeof type === 'string' && kind === undefined) problem(`type ${JSON.stringify(type)} is not known; there are stdio, http and sse`)
  if ((command === undefined) === (url === undefined)) problem(command === undefined ? 'it needs a command, a url or openapi' : 'it has a command and a url; which of them is it?')
  else if (kind !== undefined && (kind === 'process') !== (url === undefined)) problem(`type ${type} does not go with a ${url === undefined ? 'command' : 'url'}`)
  for (const field of url === undefined ? ['headers'] : ['args', 'env', 'cwd']) if (fields[field] !== undefined) problem(`${field} does not go with a ${url === undefined ? 'command' : 'url'}`)
  if (url === undefined) return { kind: 'process', command, args, env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)])), cwd: path.resolve(folder, cwd) }
  const parsed = URL.parse(url.replaceAll(USER, 'user'))
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) problem('url must be an http:// or https:// URL')
  else if (parsed.username !== '' || parsed.password !== '') problem('url must have no credentials; put them into headers: { "Authorization": "Bearer ${TOKEN}" }')
  checkHeaders(headers, problem)
  return { kind: kind === undefined || kind === 'process' ? 'any' : kind, url, headers }
}

function checkHeaders (headers: Fields, problem: (line: string) => void): void {
  for (const [header, value] of Object.entries(headers)) {
    try {
      new Headers({ [header]: value as string }).get(header)
    } catch {
      problem(`headers.${header} is no header that can be sent`)
    }
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === 'object' && !Array.isArray(value)

function placeOf (text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n')
  return `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`
}

/** `CommaExpected` as words. */
const words = (code: string): string => code.replaceAll(/(?<=[a-z])[A-Z]/g, letter => ` ${letter}`).toLowerCase()
