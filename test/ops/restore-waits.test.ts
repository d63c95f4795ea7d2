// `systemctl stop` may return before the last instance has ended: a restore waits for the database, for a while.
import path from 'node:path'
import SQLite from 'better-sqlite3'
import t, { type Test } from 'tap'
import { createBackup } from '../../cli/sqlite/backup.ts'
import { restoreBackup } from '../../cli/sqlite/restore.ts'
import { type Config, readConfig } from '../../plugins/config.ts'
import { openDatabase } from '../../plugins/db/open.ts'
import { temporaryFolder } from '../server.ts'

/** A backup, and a database that somebody has open. */
async function inUse (t: Test): Promise<{ config: Config, folder: string, server: SQLite.Database }> {
  const data = temporaryFolder(t)
  const config = readConfig({ AUTH_DB_PATH: path.join(data, 'auth.db'), BACKUP_DIR: path.join(data, 'backups') }, '/nonexistent')
  await (await openDatabase(config)).destroy()
  const { backup: { folder } } = await createBackup(config)
  const server = new SQLite(config.AUTH_DB_PATH)
  server.prepare('select count(*) from users').get()
  t.teardown(() => server.close())
  return { config, folder, server }
}

t.test('a server that ends meanwhile is waited for', async t => {
  const { config, folder, server } = await inUse(t)
  let told = 0
  const restored = await restoreBackup(config, folder, { waitMs: 60_000, waiting () { told++; setTimeout(() => server.close(), 300) } })
  t.equal(restored.from, folder)
  t.equal(told, 1)
})

t.test('one that goes on is not, and nothing is changed', async t => {
  const { config, folder, server } = await inUse(t)
  await t.rejects(restoreBackup(config, folder, { waitMs: 300 }), { message: /^a server, or another command, has .* open; stop it first/ })
  t.ok(server.prepare('select count(*) from users').get())
})
