// mcpx grants: what users have let apps do, and how to end it.
import { parseArgs } from 'node:util'
import { called } from '../lib/called.ts'
import { isoOf } from '../lib/clock.ts'
import { endGrants, type HeldGrant, heldGrants } from '../plugins/auth/oauth/grants/held.ts'
import { readConfig } from '../plugins/config.ts'
import { inDatabase, withDatabase } from './database.ts'
import { Mistake, run } from './mistake.ts'
import { record } from './operator.ts'

const HELP = `What users have let apps do, with the server running or not.

  ${called('grants')} list                                       all that are in force; as JSON when piped
  ${called('grants')} list --user anna                           those of a user
  ${called('grants')} list --client "Claude Code"                those of an app, by its name or id
  ${called('grants')} revoke ID                                  ends one at once; the app has to ask again
  ${called('grants')} revoke --user anna --client "Claude Code"  ends all of those; one of the two will do
`

await run('grants', async args => {
  const { values: { help, user, client }, positionals: [command, id, ...more] } = parseArgs({
    args, allowPositionals: true, options: { user: { type: 'string' }, client: { type: 'string' }, help: { type: 'boolean', short: 'h' } }
  })
  if (help) {
    process.stdout.write(HELP)
    return
  }
  if (command !== 'list' && command !== 'revoke') throw new Mistake(`${command === undefined ? 'a command is needed' : `there is no command "${command}"`}: list, revoke; --help explains`)
  const tooMany = command === 'list' ? id : more[0]
  if (tooMany !== undefined) throw new Mistake(`"${tooMany}" is one word too many`)
  if (command === 'revoke' && (id === undefined) === (user === undefined && client === undefined)) throw new Mistake('revoke needs the id of a grant, or --user or --client; list shows them')

  const config = readConfig()
  await withDatabase(config, false, async db => {
    const grants = (await heldGrants(db)).filter(grant => (id === undefined || grant.id === id) && (user === undefined || grant.user === user.toLowerCase()) && (client === undefined || grant.clientId === client || grant.app?.toLowerCase() === client.toLowerCase()))
    if (command === 'list') return list(grants)
    if (grants.length === 0) throw new Mistake('there is no such grant in force; list shows them')
    await endGrants(db, grants, (tx, grant) => record(tx, 'grant_revoked', { subject: grant.user, client: grant.clientId }))
    process.stderr.write(`ended ${grants.length} ${grants.length === 1 ? 'grant' : 'grants'} ${inDatabase(config)}\n`)
  })
})

function list (grants: readonly HeldGrant[]): void {
  const shown = grants.map(({ id, user, app, clientId, scope, leftOut, since, until }) => ({ id, user, app, client_id: clientId, scope, left_out: leftOut.split(' ').filter(Boolean), since: isoOf(since), until: isoOf(until) }))
  if (!process.stdout.isTTY) console.log(JSON.stringify(shown, null, 2))
  else if (shown.length === 0) console.log('no grants in force')
  // An app has chosen its own name: nothing of it may steer a terminal.
  else for (const { id, user, app, client_id: clientId, scope, left_out: leftOut, since } of shown) console.log(`${id}  ${user}  ${(app ?? clientId).replaceAll(/\p{C}/gu, '?')}  since ${since.slice(0, 10)}  ${scope}${leftOut.length > 0 ? `  without ${leftOut.join(', ')}` : ''}`)
}
