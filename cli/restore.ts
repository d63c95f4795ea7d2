// npx -y pnpm@12 restore: puts a backup in the place of the database, with the server stopped.
import path from 'node:path'
import { parseArgs } from 'node:util'
import { readConfig } from '../plugins/config.ts'
import { BackupError, listBackups } from './sqlite/backup.ts'
import { restoreBackup } from './sqlite/restore.ts'
import { becomeOwnerOf } from './data-owner.ts'
import { Mistake, run } from './mistake.ts'

const HELP = `Puts a backup in the place of the database. Stop the server first; start it afterwards.

  npx -y pnpm@12 restore latest    the newest backup in BACKUP_DIR
  npx -y pnpm@12 restore <name>    the one with that name; npx -y pnpm@12 backup list shows them
  npx -y pnpm@12 restore <path>    the one in that folder

Nothing is changed when the backup is damaged or the server runs. The database that is replaced is kept
beside the new one, and it is said where. Started by root, it works as the user whom the data folder belongs
to, and reads what this user can read.
`

await run('restore', async args => {
  const { values, positionals: [name, ...more] } = parseArgs({ args, allowPositionals: true, options: { help: { type: 'boolean', short: 'h' } } })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  if (name === undefined) throw new Mistake('say which backup: latest, or a name that `backup list` shows; --help explains')
  if (more.length > 0) throw new Mistake(`"${more[0]}" is one word too many`)
  const config = readConfig()
  becomeOwnerOf(path.dirname(path.resolve(config.AUTH_DB_PATH)))
  try {
    const { from, replaced } = await restoreBackup(config, find(name, config.BACKUP_DIR))
    console.error(`restored ${from}${replaced === undefined ? '' : `; what was there is in ${replaced}`}`)
  } catch (error) {
    throw error instanceof BackupError ? new Mistake(error.message, 1) : error
  }
})

function find (name: string, parent: string): string {
  if (name.includes(path.sep)) return path.resolve(name)
  const backups = listBackups(parent)
  const found = name === 'latest' ? backups[0] : backups.find(backup => backup.name === name)
  if (found === undefined) throw new Mistake(backups.length === 0 ? `there are no backups in ${path.resolve(parent)}` : `there is no backup "${name}" in ${path.resolve(parent)}; the newest is ${backups[0]?.name}`)
  return found.folder
}
