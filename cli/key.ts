// mcpx key …: keys by which programs call in the name of a user, without a browser.
import { parseArgs } from 'node:util'
import { called } from '../lib/called.ts'
import { isoOf } from '../lib/clock.ts'
import { addKey, type ListedKey, listKeys, revokeKeys } from '../plugins/accounts/key-store.ts'
import { findByUsername } from '../plugins/accounts/users.ts'
import { readConfig } from '../plugins/config.ts'
import { inDatabase, withDatabase } from './database.ts'
import { Mistake, run } from './mistake.ts'
import { record } from './operator.ts'
import { endOf } from './since.ts'

const HELP = `Keys by which programs call in the name of a user: a script, a timer, a CI job. With the server running or not.

  ${called('key')} add --user anna --name backup --expires 90d   makes one, and prints it once
  ${called('key')} list                                          those in force; as JSON when piped
  ${called('key')} list --user anna
  ${called('key')} revoke ID                                     ends one, within a second
  ${called('key')} revoke --user anna                            ends all of a user

  --expires   90d, 12h or a date, at most 366 days ahead
  --scope     what the key may use, as an app would ask for it: mcp, the default, opens what declares no
              scopes; may be repeated
  --role      narrows it further: the key may what this role and the user's own roles both allow; may be repeated
  --help

A program sends it with each request: Authorization: Bearer mcpx_pat_…
`

await run('key', async args => {
  const { values: { help, user, name, expires, scope, role }, positionals: [command, id, ...more] } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      user: { type: 'string' }, name: { type: 'string' }, expires: { type: 'string' }, scope: { type: 'string', multiple: true }, role: { type: 'string', multiple: true }, help: { type: 'boolean', short: 'h' }
    }
  })
  if (help) {
    process.stdout.write(HELP)
    return
  }
  if (command !== 'add' && command !== 'list' && command !== 'revoke') throw new Mistake(`${command === undefined ? 'a command is needed' : `there is no command "${command}"`}: add, list, revoke; --help explains`)
  const tooMany = command === 'revoke' ? more[0] : id
  if (tooMany !== undefined) throw new Mistake(`"${tooMany}" is one word too many`)
  if (command !== 'add' && [name, expires, scope, role].some(given => given !== undefined)) throw new Mistake(`${command} takes --user only`)
  if (command === 'revoke' && (id === undefined) === (user === undefined)) throw new Mistake('revoke needs the id of a key, or --user; list shows them')

  const config = readConfig()
  await withDatabase(config, false, async db => {
    const owner = user === undefined ? undefined : await findByUsername(db, user)
    if (user !== undefined && owner === undefined) throw new Mistake(`there is no user ${JSON.stringify(user)}`)
    if (command === 'add') {
      if (owner === undefined || name === undefined || expires === undefined) throw new Mistake('add needs --user, in whose name the key calls, --name, by which you know it again, and --expires, such as 90d')
      const key = { userId: owner.id, name, scopes: scope ?? ['mcp'], roles: role ?? [], expiresAt: endOf(expires) }
      const added = await addKey(db, key, (tx, keyId) => record(tx, 'key_added', { subject: owner.username, client: keyId, reason: `${name}, until ${isoOf(key.expiresAt).slice(0, 10)}` }))
      process.stderr.write(`added ${added.id} of ${owner.username}, until ${isoOf(key.expiresAt)}, ${inDatabase(config)}; a running server takes it within a second. This is the key, shown this once:\n`)
      console.log(added.key)
      return
    }
    const keys = (await listKeys(db)).filter(key => (id === undefined || key.id === id) && (owner === undefined || key.userId === owner.id))
    if (command === 'list') return list(keys)
    if (keys.length === 0) throw new Mistake('there is no such key in force; list shows them')
    await revokeKeys(db, keys, (tx, key) => record(tx, 'key_revoked', { subject: key.user, client: key.id, reason: key.name }))
    process.stderr.write(`revoked ${keys.length} ${keys.length === 1 ? 'key' : 'keys'} ${inDatabase(config)}\n`)
  })
})

function list (keys: readonly ListedKey[]): void {
  const shown = keys.map(({ id, user, name, scopes, roles, createdAt, expiresAt, lastUsedAt }) => ({ id, user, name, scopes, roles, created_at: isoOf(createdAt), expires_at: isoOf(expiresAt), last_used_at: lastUsedAt === null ? null : isoOf(lastUsedAt) }))
  if (!process.stdout.isTTY) console.log(JSON.stringify(shown, null, 2))
  else if (shown.length === 0) console.log('no keys in force')
  else for (const { id, user, name, scopes, roles, expires_at: until, last_used_at: used } of shown) console.log(`${id}  ${user}  ${name}  until ${until.slice(0, 10)}  ${used === null ? 'never used' : `last used ${used.slice(0, 16).replace('T', ' ')}`}  ${scopes.join(' ')}${roles.length > 0 ? `  as ${roles.join(', ')}` : ''}`)
}
