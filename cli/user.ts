// mcpx user …: manages users, with the server running or not.
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import type { Kysely } from 'kysely'
import { createUser, disableUser, enableUser, findByUsername, listUsers, removeUser, setPassword, setRolesOf } from '../plugins/accounts/users.ts'
import { UserError } from '../plugins/accounts/user-error.ts'
import { serverNames } from '../plugins/accounts/server-names.ts'
import { readConfig } from '../plugins/config.ts'
import { isoOf, type Seconds } from '../lib/clock.ts'
import type { Database } from '../plugins/db/schema.ts'
import { inDatabase, withDatabase } from './database.ts'
import { called } from '../lib/called.ts'
import { Mistake, run } from './mistake.ts'
import { record } from './operator.ts'
import { ask, readPassword } from './password-prompt.ts'

const HELP = `Manages the users who may sign in, whether or not the server runs.

  ${called('user')} list             shows the users and their roles; as JSON when piped
  ${called('user')} add <name>       adds a user; the first of all is an admin
  ${called('user')} role <name> …    gives the user these roles, in place of those that they had
  ${called('user')} passwd <name>    sets a new password, and ends what the user has allowed
  ${called('user')} disable <name>   keeps the user from signing in, and ends what the user has allowed
  ${called('user')} enable <name>    takes that back
  ${called('user')} remove <name>    removes the user

  --role       add: gives the user this role instead of AUTH_NEW_USER_ROLE; may be repeated
  --generate   add, passwd: generates a password and prints it once
  --yes        remove: does not ask for confirmation
  --create     creates the database if there is none, as the first start of the server does
  --help

On a terminal you are asked for the password; otherwise it is read from standard input. It needs at
least 12 characters and must not be easy to guess. Names are not case-sensitive. The database is AUTH_DB_PATH.
`

interface Options { generate: boolean, yes: boolean, roles: string[], serverNames: string[], where: string }
const recorded = (event: string) => (tx: Kysely<Database>, subject: string) => record(tx, event, { subject })

type Command = (db: Kysely<Database>, name: string, options: Options) => Promise<void>

const commands: Record<string, Command> = {
  async add (db, typed, options) {
    const taken = await findByUsername(db, typed) // before a password is asked for
    if (taken !== undefined) throw new UserError(`there is a user ${taken.username} already`)
    const password = await newPassword(typed, options)
    const name = await createUser(db, typed, password, options, (tx, subject, roles = []) => record(tx, 'user_added', { subject, reason: roles.join(', ') }))
    say(`added ${name} ${options.where}`)
    if (options.generate) console.log(password)
  },
  async role (db, typed, { roles, where }) {
    const name = await nameOf(db, typed)
    if (roles.length === 0) throw new Mistake(`role needs the roles that ${name} shall have; ${called('role list')} shows which there are`)
    await setRolesOf(db, name, roles, (tx, subject) => record(tx, 'user_role_changed', { subject, reason: roles.join(', ') }))
    say(`${name} has ${roles.length === 1 ? 'the role' : 'the roles'} ${roles.join(', ')} now, ${where}`)
  },
  async passwd (db, typed, options) {
    const name = await nameOf(db, typed)
    const password = await newPassword(name, options)
    await setPassword(db, name, password, options.serverNames, recorded('password_changed'))
    say(`the password of ${name} is changed ${options.where}; every app and browser has to sign in again`)
    if (options.generate) console.log(password)
  },
  async disable (db, typed, { where }) {
    const name = await nameOf(db, typed)
    await disableUser(db, name, recorded('user_disabled'))
    say(`${name} is disabled ${where}; every app and browser of theirs is signed out`)
  },
  async enable (db, typed, { where }) {
    const name = await nameOf(db, typed)
    await enableUser(db, name, recorded('user_enabled'))
    say(`${name} may sign in again, ${where}`)
  },
  async remove (db, typed, { yes, where }) {
    const name = await nameOf(db, typed)
    if (!yes) {
      if (!process.stdin.isTTY) throw new Mistake('remove asks first, and there is no terminal to ask on; say --yes')
      const answer = await ask(`Remove ${name} and everything granted to apps in their name? [y/N] `, { echo: true })
      if (!/^y(es)?$/i.test(answer.trim())) throw new Mistake('nothing was changed')
    }
    await removeUser(db, name, recorded('user_removed'))
    say(`removed ${name} ${where}`)
  }
}

await run('user', async args => {
  const { values, positionals: [command, name, ...more] } = parseArgs({
    args,
    allowPositionals: true,
    options: { role: { type: 'string', multiple: true }, create: { type: 'boolean', default: false }, generate: { type: 'boolean', default: false }, yes: { type: 'boolean', short: 'y', default: false }, help: { type: 'boolean', short: 'h', default: false } }
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const known = ['list', ...Object.keys(commands)]
  if (command === undefined || !known.includes(command)) throw new Mistake(`${command === undefined ? 'a command is needed' : `there is no command "${command}"`}: ${known.join(', ')}; --help explains`)
  if (values.role !== undefined && command !== 'add') throw new Mistake(`--role is of add; of a user that there is: ${called('user role NAME ROLE')}`)
  if ((more.length > 0 && command !== 'role') || (command === 'list' && name !== undefined)) throw new Mistake(`too many names: ${command} takes ${command === 'list' ? 'none' : 'one'}`)
  if (command !== 'list' && name === undefined) throw new Mistake(`${command} needs the name of a user`)

  const config = readConfig()
  await withDatabase(config, values.create, async db => {
    await (commands[command]?.(db, name ?? '', { ...values, roles: command === 'role' ? more : values.role ?? [config.AUTH_NEW_USER_ROLE], serverNames: serverNames(config), where: inDatabase(config) }) ?? list(db, config.AUTH_NEW_USER_ROLE))
  })
})

async function list (db: Kysely<Database>, newUserRole: string): Promise<void> {
  const users = (await listUsers(db, newUserRole)).map(user => ({
    username: user.username, roles: user.roles, created_at: time(user.created_at), last_sign_in: time(user.last_login), disabled_at: time(user.disabled_at)
  }))
  if (!process.stdout.isTTY) {
    console.log(JSON.stringify(users, null, 2))
    return
  }
  const width = Math.max(8, ...users.map(user => user.username.length)) + 2
  const row = (name: string, created: string, seen: string, state: string, roles: string) => console.log(`${name.padEnd(width)}${created.padEnd(18)}${seen.padEnd(18)}${state.padEnd(10)}${roles}`)
  row('USERNAME', 'CREATED', 'LAST SIGN-IN', 'STATE', 'ROLES')
  for (const user of users) row(user.username, minute(user.created_at), minute(user.last_sign_in), user.disabled_at === null ? 'active' : 'disabled', user.roles.join(', '))
  if (users.length === 0) say('no users yet: the first start of the server creates one')
}

async function newPassword (name: string, { generate }: Options): Promise<string> {
  return generate ? randomBytes(18).toString('base64url') : await readPassword(name)
}

async function nameOf (db: Kysely<Database>, typed: string): Promise<string> {
  const user = await findByUsername(db, typed)
  if (user === undefined) throw new UserError(`there is no user ${JSON.stringify(typed)}`)
  return user.username
}

// Standard output is for what was asked for: a list, a generated password.
function say (message: string): void {
  console.error(message)
}

function time (seconds: Seconds | null): string | null {
  return seconds === null ? null : isoOf(seconds)
}

function minute (iso: string | null): string {
  return iso === null ? 'never' : iso.slice(0, 16).replace('T', ' ')
}
