// mcpx restore: puts a backup in the place of the database, with the server stopped.
import path from 'node:path'
import { parseArgs } from 'node:util'
import { readConfig } from '../plugins/config.ts'
import { isAhead, listBackups } from './sqlite/backup.ts'
import type { Difference } from './sqlite/after-restore.ts'
import { restoreBackup } from './sqlite/restore.ts'
import { becomeOwnerOf } from './data-owner.ts'
import { called } from '../lib/called.ts'
import { requireFile } from './database.ts'
import { Mistake, run } from './mistake.ts'

const HELP = `Replaces the database with a backup. Stop the server first; start it afterwards.

  ${called('restore')} latest    the newest backup in BACKUP_DIR; none whose time is yet to come
  ${called('restore')} <name>    the one with that name; ${called('backup')} list shows them
  ${called('restore')} <path>    the one in that folder

  --keep-grants    what was granted to apps, and signed-in browsers, stay as they were at the time of the backup,
                   including what was revoked since. Without it, everyone has to sign in again.
  --wait <seconds> for how long a server that is about to end is waited for; 30

Nothing is changed if the backup is damaged or the server is running. The replaced database is kept beside
the new one, and its place is printed. When root runs this, it works as the owner of the data folder and reads
what that user can read. It prints whose password is an older one now, who is back, and who is gone.
`

await run('restore', async args => {
  const { values, positionals: [name, ...more] } = parseArgs({ args, allowPositionals: true, options: { 'keep-grants': { type: 'boolean', default: false }, wait: { type: 'string', default: '30' }, help: { type: 'boolean', short: 'h' } } })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  if (name === undefined) throw new Mistake('say which backup: latest, or a name that `backup list` shows; --help explains')
  if (more.length > 0) throw new Mistake(`"${more[0]}" is one word too many`)
  const seconds = Number(values.wait)
  if (!/^\d{1,4}$/.test(values.wait)) throw new Mistake(`--wait: "${values.wait}" is not a number of seconds`)
  const config = readConfig()
  requireFile(config)
  becomeOwnerOf(path.dirname(path.resolve(config.AUTH_DB_PATH)))
  const { from, replaced, difference, otherSecret } = await restoreBackup(config, find(name, config.BACKUP_DIR), { keepGrants: values['keep-grants'], waitMs: seconds * 1000, waiting: () => console.error('waiting for the server to end') })
  console.error(`restored ${from}${replaced === undefined ? '' : `; what was there is in ${replaced}`}`)
  for (const line of news(difference, otherSecret)) console.error(line)
})

/** What an operator may not expect of a restore, a line each. */
function news ({ revoked, passwords, back, enabled, gone, roles }: Difference, otherSecret: boolean): string[] {
  const of = (names: string[], what: string): string[] => names.length === 0 ? [] : [`${what}: ${names.join(', ')}`]
  return [
    revoked === undefined
      ? 'grants and browser sessions are those of the backup, also what was revoked since'
      : `${revoked} ${revoked === 1 ? 'grant is' : 'grants are'} revoked: every app and browser has to sign in again`,
    ...of(passwords, 'the password is that of the backup, not the one until now'),
    ...of(back, 'was removed since the backup, and is back'),
    ...of(enabled, 'was disabled since the backup, and may sign in again'),
    ...of(gone, 'was added since the backup, and is gone'),
    ...of(roles, 'the roles are those of the backup, not the ones until now'),
    ...(otherSecret ? ['secret.key is another one: nothing that was signed until now is good any more, unless JWT_SECRET_KEY is set'] : [])
  ]
}

function find (name: string, parent: string): string {
  if (name.includes(path.sep)) return path.resolve(name)
  const backups = listBackups(parent)
  const found = backups.find(backup => name === 'latest' ? !isAhead(backup) : backup.name === name)
  const ahead = backups.filter(isAhead)
  if (name === 'latest' && ahead.length > 0) console.error(`${ahead.map(backup => backup.name).join(', ')}: made while the clock was wrong, so not taken for the latest; to restore it, give its name`)
  if (found === undefined) throw new Mistake(backups.length === 0 ? `there are no backups in ${path.resolve(parent)}` : `there is no backup "${name}" in ${path.resolve(parent)}; the newest is ${backups[0]?.name}`)
  return found.folder
}
