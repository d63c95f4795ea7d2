// mcpx backup: copies the database and its secret, with the server running or not.
import path from 'node:path'
import { parseArgs } from 'node:util'
import { readConfig } from '../plugins/config.ts'
import { type Backup, createBackup, isAhead, listBackups } from './sqlite/backup.ts'
import { becomeOwnerOf } from './data-owner.ts'
import { called } from '../lib/called.ts'
import { requireFile } from './database.ts'
import { Mistake, run } from './mistake.ts'

const HELP = `Copies the database of users and grants, the secret that tokens are signed with, and what tools keep.

  ${called('backup')}         makes a backup, also while the server runs, and checks it
  ${called('backup')} list    shows the backups; as JSON when piped

Backups are folders in BACKUP_DIR; the newest BACKUP_KEEP are kept. They contain everything that it
takes to act as your users, so keep them where only you can read them. They do not contain settings from
the environment or a configuration file. ${called('restore')} --help says how to put one back.
`

await run('backup', async args => {
  const { values, positionals: [command, ...more] } = parseArgs({ args, allowPositionals: true, options: { help: { type: 'boolean', short: 'h' } } })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  if (command !== undefined && command !== 'list') throw new Mistake(`there is no command "${command}": list, or nothing to make a backup; --help explains`)
  if (more.length > 0) throw new Mistake(`"${more[0]}" is one word too many`)
  const config = readConfig()
  requireFile(config)
  becomeOwnerOf(path.dirname(path.resolve(config.AUTH_DB_PATH)))
  await (command === 'list' ? list(listBackups(config.BACKUP_DIR)) : create())

  async function create (): Promise<void> {
    const started = performance.now()
    const { backup, removed } = await createBackup(config, process.stderr.isTTY ? part => process.stderr.write(`\rcopying ${Math.round(part * 100)}%`) : undefined)
    const ms = Math.round(performance.now() - started)
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
    if (process.stdout.isTTY) console.log(`${backup.folder}  ${size(backup)}, checked, in ${(ms / 1000).toFixed(1)} s${removed.length > 0 ? `; removed ${removed.length} older` : ''}`)
    else console.log(JSON.stringify({ ...backup, ms, removed }))
  }
})

function list (backups: Backup[]): void {
  if (!process.stdout.isTTY) console.log(JSON.stringify(backups, null, 2))
  else if (backups.length === 0) console.log('no backups yet')
  else for (const backup of backups) console.log(`${backup.name}  ${size(backup).padStart(10)}  version ${backup.version}${isAhead(backup) ? '  made with a wrong clock' : ''}`)
}

const size = ({ bytes }: Backup): string => bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
