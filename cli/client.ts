// The operator's OAuth clients, from the command line: beside a running server, or without one.
import { parseArgs } from 'node:util'
import type { Kysely } from 'kysely'
import { readMetadata } from '../plugins/auth/oauth/clients/client-metadata.ts'
import { addClient, listClients, removeClient } from '../plugins/auth/oauth/clients/clients.ts'
import { redirectUriProblem } from '../plugins/auth/oauth/clients/redirect-uri.ts'
import type { Seconds } from '../lib/clock.ts'
import { inDatabase, withDatabase } from './database.ts'
import { Mistake, run } from './mistake.ts'
import { called } from '../lib/called.ts'
import { readConfig } from '../plugins/config.ts'
import type { Database } from '../plugins/db/schema.ts'
import { record } from './operator.ts'

const KINDS = { operator: 'added by you', registered: 'registered itself', metadata_document: 'metadata document' } as const
const HELP = `Clients that you set up yourself, for assistants that ask for a client id and secret.

  ${called('client')} add --name NAME --redirect-uri URI [--redirect-uri URI] [--public]
  ${called('client')} list [--all]
  ${called('client')} remove ID

  add     prints the client id and, once, the secret. --public adds a client without a secret.
  list    shows your clients and those that someone has allowed; with --all, also those that only registered.
  remove  removes any client, and ends its access.
  --create creates the database if there is none, as the first start of the server does.

Printed as JSON when the output is not a terminal.
`

type Db = Kysely<Database>
interface Options { name?: string | undefined, 'redirect-uri'?: string[] | undefined, public?: boolean | undefined, all?: boolean | undefined, schemes?: string[] | undefined }

const commands: Record<string, { takes: ReadonlyArray<keyof Options>, ids: number, run: (db: Db, options: Options, id: string) => Promise<void> }> = {
  add: { takes: ['name', 'redirect-uri', 'public'], ids: 0, run: add },
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
      all: { type: 'boolean' },
      create: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' }
    }
  })
}

async function add (db: Db, { name, 'redirect-uri': redirectUris = [], public: isPublic = false, schemes }: Options): Promise<void> {
  if (!name?.trim()) throw new Mistake('add needs --name, which people see when they are asked to let the client in')
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

/** What is wrong with metadata was typed by whoever gave the command. */
function checked<T> (read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new Mistake((error as Error).message)
  }
}

async function list (db: Db, { all = false }: Options): Promise<void> {
  const clients = await listClients(db, all)
  const lines = clients.flatMap(client => [
    `${client.name ?? 'unnamed'}  ${client.id}`,
    `  ${KINDS[client.source]}, ${client.authMethod === 'none' ? 'public' : client.authMethod}, ${client.authorizedAt === undefined ? 'never let in' : `let in since ${day(client.authorizedAt)}`}, ${client.grants} ${client.grants === 1 ? 'grant' : 'grants'} in force`,
    ...client.redirectUris.map(uri => `  ${uri}`)
  ])
  print(clients.map(client => ({
    client_id: client.id,
    client_name: client.name ?? null,
    source: client.source,
    redirect_uris: client.redirectUris,
    token_endpoint_auth_method: client.authMethod,
    created_at: iso(client.createdAt),
    authorized_at: client.authorizedAt === undefined ? null : iso(client.authorizedAt),
    grants: client.grants
  })), clients.length === 0 ? ['No clients yet.'] : lines)
}

async function remove (db: Db, _options: Options, id: string): Promise<void> {
  const grants = await removeClient(db, id, (tx, ended) => record(tx, 'client_removed', { client: id, reason: `${ended} ${ended === 1 ? 'grant' : 'grants'} ended` }))
  if (grants === undefined) throw new Mistake(`there is no client ${id}; list --all shows them`)
  print({ client_id: id, removed: true, grants_ended: grants }, [`Removed ${id}; ${grants} ${grants === 1 ? 'grant' : 'grants'} ended.`])
}

function iso (seconds: Seconds): string {
  return new Date(seconds * 1000).toISOString()
}

function day (seconds: Seconds): string {
  return iso(seconds).slice(0, 10)
}

function print (data: unknown, lines: string[]): void {
  process.stdout.write(process.stdout.isTTY ? `${lines.join('\n')}\n` : `${JSON.stringify(data, null, 2)}\n`)
}
