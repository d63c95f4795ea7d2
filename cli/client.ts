// The operator's OAuth clients, from the command line: beside a running server, or without one.
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Kysely } from 'kysely'
import { readMetadata, readProgram } from '../plugins/auth/oauth/clients/client-metadata.ts'
import { addClient, listClients, removeClient } from '../plugins/auth/oauth/clients/clients.ts'
import { redirectUriProblem } from '../plugins/auth/oauth/clients/redirect-uri.ts'
import { isoOf, type Seconds } from '../lib/clock.ts'
import { giveProgramRoles, rolesOfPrograms } from '../plugins/accounts/roles.ts'
import { inDatabase, withDatabase } from './database.ts'
import { Mistake, run } from './mistake.ts'
import { called } from '../lib/called.ts'
import { readConfig } from '../plugins/config.ts'
import type { Database } from '../plugins/db/schema.ts'
import { record } from './operator.ts'

const KINDS = { operator: 'added by you', registered: 'registered itself', metadata_document: 'metadata document' } as const
const HELP = `Clients that you set up yourself, for assistants that ask for a client id and secret.

  ${called('client')} add --name NAME --redirect-uri URI [--redirect-uri URI] [--public]
  ${called('client')} add --program --name NAME --role ROLE [--role ROLE] [--scope SCOPE] [--jwks FILE | --jwks-uri URL]
  ${called('client')} list [--all]
  ${called('client')} remove ID

  add     prints the client id and, once, the secret. --public adds a client without a secret.
          --program adds a program that calls in its own name, without a person (client credentials): it may
          what its roles and its scopes, by default mcp, both allow. It has a secret, or keys of its own.
  list    shows your clients and those that someone has allowed; with --all, also those that only registered.
  remove  removes any client, and ends its access.
  --create creates the database if there is none, as the first start of the server does.

Printed as JSON when the output is not a terminal.
`

type Db = Kysely<Database>
interface Options { name?: string | undefined, 'redirect-uri'?: string[] | undefined, public?: boolean | undefined, program?: boolean | undefined, role?: string[] | undefined, scope?: string[] | undefined, jwks?: string | undefined, 'jwks-uri'?: string | undefined, all?: boolean | undefined, schemes?: string[] | undefined }

const commands: Record<string, { takes: ReadonlyArray<keyof Options>, ids: number, run: (db: Db, options: Options, id: string) => Promise<void> }> = {
  add: { takes: ['name', 'redirect-uri', 'public', 'program', 'role', 'scope', 'jwks', 'jwks-uri'], ids: 0, run: add },
  list: { takes: ['all'], ids: 0, run: list },
  remove: { takes: [], ids: 1, run: remove }
}

await run('client', main)

async function main (args: string[]): Promise<void> {
  const { values: { help, create = false, ...options }, positionals: [name, ...rest] } = parse(args)
  if (help || name === 'help') {
    process.stdout.write(HELP)
    return
  }
  if (name === undefined) throw new Mistake('say what to do: add, list or remove; --help explains')
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) throw new Mistake(`there is no command "${name}"; there are add, list and remove`)
  for (const option of Object.keys(options)) {
    if (!command.takes.includes(option as keyof Options)) throw new Mistake(`${name} takes no --${option}`)
  }
  if (rest.length < command.ids) throw new Mistake(`${name} needs the id of a client; list shows them`)
  if (rest.length > command.ids) throw new Mistake(`"${rest[command.ids]}" is one word too many`)

  const config = readConfig()
  await withDatabase(config, create, async db => {
    await command.run(db, { ...options, schemes: config.OAUTH_REDIRECT_SCHEMES }, rest[0] ?? '')
    if (command !== commands.list) process.stderr.write(`changed ${inDatabase(config)}\n`)
  })
}

function parse (args: string[]) {
  return parseArgs({
    args,
    allowPositionals: true,
    options: {
      name: { type: 'string' },
      'redirect-uri': { type: 'string', multiple: true },
      public: { type: 'boolean' },
      program: { type: 'boolean' },
      role: { type: 'string', multiple: true },
      scope: { type: 'string', multiple: true },
      jwks: { type: 'string' },
      'jwks-uri': { type: 'string' },
      all: { type: 'boolean' },
      create: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' }
    }
  })
}

async function add (db: Db, options: Options): Promise<void> {
  const { name, 'redirect-uri': redirectUris = [], public: isPublic = false, program = false, role, scope, jwks, 'jwks-uri': jwksUri, schemes } = options
  if (!name?.trim()) throw new Mistake('add needs --name, which people see when they are asked to let the client in')
  if (program) return await addProgram(db, name, options)
  if ([role, scope, jwks, jwksUri].some(given => given !== undefined)) throw new Mistake('--role, --scope, --jwks and --jwks-uri are of programs, which call in their own name: --program')
  if (redirectUris.length === 0) throw new Mistake('add needs --redirect-uri, which the client\'s vendor documents')
  for (const uri of redirectUris) {
    const problem = redirectUriProblem(uri, schemes)
    if (problem !== undefined) throw new Mistake(`--redirect-uri ${uri}: ${problem}`)
  }
  const metadata = checked(() => readMetadata({ client_name: name, redirect_uris: redirectUris, token_endpoint_auth_method: isPublic ? 'none' : 'client_secret_basic' }, undefined, schemes))
  const { client, secret } = await addClient(db, metadata, (tx, id) => record(tx, 'client_added', { client: id, reason: name }))
  print({ client_id: client.id, ...(secret !== undefined && { client_secret: secret }), ...metadata }, [
    `Client ID      ${client.id}`,
    ...(secret === undefined ? ['No secret: the client is public'] : [`Client secret  ${secret}`, '               It is shown this once; only its hash is kept.'])
  ])
}

async function addProgram (db: Db, name: string, { 'redirect-uri': redirectUris, public: isPublic, role = [], scope = ['mcp'], jwks, 'jwks-uri': jwksUri }: Options): Promise<void> {
  if (redirectUris !== undefined || isPublic) throw new Mistake('a program has no --redirect-uri, as nobody is sent back to it, and is not --public')
  if (role.length === 0) throw new Mistake(`add --program needs --role, which says what it may; ${called('role list')} shows which there are`)
  const keys = { ...(jwks !== undefined && { jwks: keySetIn(jwks) }), ...(jwksUri !== undefined && { jwks_uri: jwksUri }) }
  const metadata = checked(() => readProgram(name, scope, keys))
  const { client, secret } = await addClient(db, metadata, async (tx, id) => {
    await giveProgramRoles(tx, id, role)
    await record(tx, 'client_added', { client: id, reason: `${name}, a program as ${role.join(', ')}` })
  })
  print({ client_id: client.id, ...(secret !== undefined && { client_secret: secret }), ...metadata, roles: role }, [
    `Client ID      ${client.id}`,
    ...(secret === undefined ? ['No secret: the program signs with its keys (private_key_jwt)'] : [`Client secret  ${secret}`, '               It is shown this once; only its hash is kept.']),
    `Roles          ${role.join(', ')}`,
    `Scopes         ${scope.join(' ')}`
  ])
}

function keySetIn (file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new Mistake(`--jwks ${file}: ${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : 'it is no key set (JSON)'}`)
  }
}

/** What is wrong with metadata was typed by whoever gave the command. */
function checked<T> (read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new Mistake((error as Error).message)
  }
}

async function list (db: Db, { all = false }: Options): Promise<void> {
  const [clients, roles] = [await listClients(db, all), await rolesOfPrograms(db)]
  const lines = clients.flatMap(client => [
    `${client.name ?? 'unnamed'}  ${client.id}`,
    ...(client.programScopes === undefined ? [] : [`  a program as ${roles.get(client.id)?.join(', ') ?? 'nothing'}, ${client.programScopes.join(' ')}`]),
    `  ${KINDS[client.source]}, ${client.authMethod === 'none' ? 'public' : client.authMethod}, ${client.authorizedAt === undefined ? 'never let in' : `let in since ${day(client.authorizedAt)}`}, ${client.grants} ${client.grants === 1 ? 'grant' : 'grants'} in force`,
    ...client.redirectUris.map(uri => `  ${uri}`)
  ])
  print(clients.map(client => ({
    client_id: client.id,
    client_name: client.name ?? null,
    source: client.source,
    ...(client.programScopes !== undefined && { program: true, roles: roles.get(client.id) ?? [], scope: client.programScopes.join(' ') }),
    redirect_uris: client.redirectUris,
    token_endpoint_auth_method: client.authMethod,
    created_at: isoOf(client.createdAt),
    authorized_at: client.authorizedAt === undefined ? null : isoOf(client.authorizedAt),
    grants: client.grants
  })), clients.length === 0 ? ['No clients yet.'] : lines)
}

async function remove (db: Db, _options: Options, id: string): Promise<void> {
  const grants = await removeClient(db, id, (tx, ended) => record(tx, 'client_removed', { client: id, reason: `${ended} ${ended === 1 ? 'grant' : 'grants'} ended` }))
  if (grants === undefined) throw new Mistake(`there is no client ${id}; list --all shows them`)
  print({ client_id: id, removed: true, grants_ended: grants }, [`Removed ${id}; ${grants} ${grants === 1 ? 'grant' : 'grants'} ended.`])
}

function day (seconds: Seconds): string {
  return isoOf(seconds).slice(0, 10)
}

function print (data: unknown, lines: string[]): void {
  process.stdout.write(process.stdout.isTTY ? `${lines.join('\n')}\n` : `${JSON.stringify(data, null, 2)}\n`)
}
