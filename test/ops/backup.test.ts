// A backup is taken while the server writes, and a restore brings back what was there: users, grants and the tokens themselves.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import SQLite from 'better-sqlite3'
import t, { type Test } from 'tap'
import { createBackup } from '../../cli/sqlite/backup.ts'
import { restoreBackup } from '../../cli/sqlite/restore.ts'
import { Authorization } from '../oauth/authorization.ts'
import { testDatabase } from '../oauth/database.ts'
import { mortal, works } from '../oauth/mortal.ts'
import { temporaryFolder } from '../server.ts'

const CLI = path.join(import.meta.dirname, '../../cli')

/** `backup` or `restore` as a process of its own, not on a terminal. */
function commands (t: Test, env: NodeJS.ProcessEnv) {
  const cwd = temporaryFolder(t) // without a .env file
  return async (name: 'backup' | 'restore' | 'user', ...args: string[]) => {
    const child = spawn(process.execPath, [path.join(CLI, `${name}.ts`), ...args], { cwd, env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...env } })
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { code, stdout, stderr }
  }
}

const registered = (file: string): Set<string> => {
  const copy = new SQLite(file)
  const ids = copy.prepare('select client_id from oauth_clients').pluck().all() as string[]
  copy.close()
  return new Set(ids)
}

t.test('a server that is written to all the time', async t => {
  const { origin, database, kill, restart } = await mortal(t, { OAUTH_REGISTRATION_LIMIT: '0' })
  const parent = path.join(path.dirname(database), 'backups')
  const command = commands(t, { AUTH_DB_PATH: database })
  const authorization = await new Authorization(origin).register()
  const { access_token: before } = await authorization.tokens()
  const grown = new SQLite(database)
  grown.exec("create table ballast (id integer primary key, text text); with recursive n(i) as (select 1 union all select i + 1 from n where i < 30000) insert into ballast select i, hex(randomblob(400)) from n")
  grown.close()

  const added: string[] = []
  const load = new AbortController()
  const writers = Array.from({ length: 4 }, async () => {
    while (!load.signal.aborted) added.push((await new Authorization(origin).register()).client.client_id)
  })
  while (added.length < 20) await new Promise(setImmediate)
  const acknowledged = [...added]
  const { code, stdout, stderr } = await command('backup')
  const during = added.length - acknowledged.length
  load.abort()
  await Promise.all(writers)
  const backup = JSON.parse(stdout || '{}')

  t.test('is backed up meanwhile: complete, proven, and for its owner only', async t => {
    t.match({ code, stderr }, { code: 0, stderr: '' })
    t.comment(`${Math.round(backup.bytes / 1e6)} MB in ${backup.ms} ms, ${during} registrations answered meanwhile`)
    t.ok(backup.bytes > 20_000_000)
    t.ok(during > 0, 'the server went on')
    t.same(readdirSync(backup.folder).sort(), ['auth.db', 'backup.json', 'secret.key'], 'one database file, without a journal')
    for (const file of readdirSync(backup.folder)) t.equal(statSync(path.join(backup.folder, file)).mode & 0o777, 0o600, file)
    t.equal(statSync(backup.folder).mode & 0o777, 0o700)
    const copy = new SQLite(path.join(backup.folder, 'auth.db'), { readonly: true })
    t.equal(copy.pragma('integrity_check', { simple: true }), 'ok')
    copy.close()
    const kept = registered(path.join(backup.folder, 'auth.db'))
    t.ok(acknowledged.every(id => kept.has(id)), 'what was answered before it began is in it')
    t.same(JSON.parse((await command('backup', 'list')).stdout), [{ name: backup.name, folder: backup.folder, created_at: backup.created_at, version: backup.version, bytes: backup.bytes }])
  })

  await t.test('refuses a restore while it runs', async t => {
    const { code, stderr } = await command('restore', 'latest', '--wait', '0')
    t.equal(code, 1)
    t.match(stderr, /^restore: a server, or another command, has .*auth\.db open; stop it first \(systemctl stop mcpx\.target 'mcpx@\*'\)\n$/)
    t.ok(await works(origin, before), 'nothing has changed')
  })

  await t.test('is as it was after a restore, and what was there is kept', async t => {
    const late = await new Authorization(origin).register()
    const { refresh_token: after } = await late.tokens()
    await kill()
    rmSync(path.join(path.dirname(database), 'secret.key')) // lost with the disk
    const { code, stderr } = await command('restore', 'latest', '--keep-grants')
    t.equal(code, 0)
    const [, kept = ''] = /what was there is in (.*)\n/.exec(stderr) ?? []
    t.ok(registered(path.join(kept, 'auth.db')).has(late.client.client_id), 'the replaced database')
    await restart()
    t.ok(await works(origin, before), 'a token from before the backup, signed with the secret that is in it')
    t.match((await late.refresh(after)).body, { error: 'invalid_client' }, 'what came later is gone')
    t.notOk(registered(database).has(late.client.client_id))
    t.equal(statSync(database).mode & 0o777, 0o600)
    t.same(readdirSync(path.dirname(database)).filter(file => file.startsWith('.')), [], 'nothing is left lying about')
  })

  await t.test('comes back from a damaged database too', async t => {
    await kill()
    writeFileSync(database, 'this is no database')
    writeFileSync(`${database}-wal`, 'nor is this its journal')
    t.match(await command('backup'), { code: 1, stderr: /^backup: AUTH_DB_PATH: the database cannot be copied: file is not a database\n$/ })
    t.equal(readdirSync(parent).length, 1, 'and no backup of it is left behind')
    const { code, stderr } = await command('restore', backup.folder, '--keep-grants')
    t.equal(code, 0)
    t.match(stderr, /what was there is in /)
    t.notOk(existsSync(`${database}-wal`))
    await restart()
    t.ok(await works(origin, before))
  })
})

t.test('a restore brings no access back, and says what else it does', async t => {
  const { origin, database, kill, restart } = await mortal(t, { OAUTH_REGISTRATION_LIMIT: '0' })
  const env = { AUTH_DB_PATH: database }
  const command = commands(t, env)
  const user = (...args: string[]) => command('user', ...args)
  for (const name of ['anna', 'bert', 'cleo']) await user('add', name, '--generate')
  const authorization = await new Authorization(origin).register()
  const before = await authorization.tokens()
  t.match(await command('backup'), { code: 0 })
  const later = await authorization.tokens()
  for (const args of [['passwd', 'mcpuser', '--generate'], ['remove', 'anna', '--yes'], ['disable', 'bert'], ['role', 'cleo', 'auditor'], ['add', 'dora', '--generate']]) t.match(await user(...args), { code: 0 }, args.join(' '))
  const fresh = await new Authorization(origin).register()
  await kill()
  appendFileSync(path.join(path.dirname(database), 'secret.key'), 'x')
  const { code, stderr } = await command('restore', 'latest')
  t.equal(code, 0)
  for (const line of [
    '1 grant is revoked: every app and browser has to sign in again', 'the password is that of the backup, not the one until now: mcpuser', 'was removed since the backup, and is back: anna',
    'was disabled since the backup, and may sign in again: bert', 'the roles are those of the backup, not the ones until now: cleo', 'was added since the backup, and is gone: dora'
  ]) t.ok(stderr.split('\n').includes(line), line)
  t.match(stderr, /^secret\.key is another one/m)
  t.equal(stderr.split('cleo').length, 2, 'and nothing else of who has not changed otherwise')
  t.equal(statSync(database).mode & 0o777, 0o600)
  t.notOk(existsSync(`${database}-wal`))
  await restart()
  t.notOk(await works(origin, before.access_token), 'a token from before the backup')
  t.notOk(await works(origin, later.access_token), 'one from after it, whose grant the backup does not know')
  t.match((await authorization.refresh(before.refresh_token)).body, { error: 'invalid_grant' })
  t.match((await fresh.redeem('code')).body, { error: 'invalid_client' })
  const copy = new SQLite(database, { readonly: true })
  t.same(copy.prepare('select count(*) from browser_sessions union all select count(*) from oauth_consents').pluck().all(), [0, 0])
  t.same(copy.prepare("select event from audit where kind = 'command' order by id desc limit 6").pluck().all(), ['database_restored', 'user_added', 'user_role_changed', 'user_disabled', 'user_removed', 'password_changed'], 'what was done since the backup is on record')
  copy.close()
})

t.test('what tools keep is in it, and comes back', async t => {
  const { db, config: { AUTH_DB_PATH: database } } = await testDatabase(t)
  await db.destroy()
  const data = path.join(path.dirname(database), 'tools')
  const command = commands(t, { AUTH_DB_PATH: database })
  mkdirSync(path.join(data, 'notebook/pictures'), { recursive: true })
  writeFileSync(path.join(data, 'notebook/pictures/one.png'), 'picture')
  symlinkSync(database, path.join(data, 'notebook/link'))
  const live = new SQLite(path.join(data, 'notebook/notes.db'))
  t.teardown(() => live.close())
  live.pragma('journal_mode = WAL')
  live.exec("create table notes (text text); insert into notes values ('written')")
  live.exec("begin; insert into notes values ('not yet')")

  const { code, stdout, stderr } = await command('backup')
  t.match({ code, stderr }, { code: 0, stderr: '' })
  const { folder } = JSON.parse(stdout)
  t.same(readdirSync(path.join(folder, 'tools/notebook'), { recursive: true }).sort(), ['notes.db', 'pictures', 'pictures/one.png'], 'no journal, no link')
  t.same(Object.keys(JSON.parse(readFileSync(path.join(folder, 'backup.json'), 'utf8')).sha256), ['auth.db', 'tools/notebook/notes.db', 'tools/notebook/pictures/one.png'])
  live.exec('commit')
  writeFileSync(path.join(data, 'notebook/pictures/one.png'), 'another')

  const restored = await command('restore', 'latest')
  t.equal(restored.code, 0, restored.stderr)
  const [, kept = ''] = /what was there is in (.*)\n/.exec(restored.stderr) ?? []
  t.equal(readFileSync(path.join(data, 'notebook/pictures/one.png'), 'utf8'), 'picture')
  t.equal(readFileSync(path.join(kept, 'tools/notebook/pictures/one.png'), 'utf8'), 'another', 'what was replaced is kept')
  const back = new SQLite(path.join(data, 'notebook/notes.db'), { readonly: true })
  t.same(back.prepare('select text from notes').pluck().all(), ['written'])
  back.close()
  t.equal(statSync(path.join(data, 'notebook')).mode & 0o777, 0o700)
  t.equal(statSync(path.join(data, 'notebook/notes.db')).mode & 0o077, 0)

  writeFileSync(path.join(folder, 'tools/notebook/pictures/one.png'), 'forged')
  t.match(await command('restore', 'latest'), { code: 1, stderr: /is damaged: tools\/notebook\/pictures\/one\.png is not what was backed up/ })
  t.equal(readFileSync(path.join(data, 'notebook/pictures/one.png'), 'utf8'), 'picture')
})

t.test('the oldest are removed, and only once the new one is proven', async t => {
  const parent = path.join(temporaryFolder(t), 'elsewhere')
  const { config } = await testDatabase(t, { BACKUP_DIR: parent, BACKUP_KEEP: '2' })
  const names: string[] = []
  for (let i = 0; i < 3; i++) names.push((await createBackup(config)).backup.name)
  t.same(readdirSync(parent), names.slice(1))
  for (const name of ['notes', '.unfinished-fresh', '.unfinished-stale']) mkdirSync(path.join(parent, name)) // not backups
  utimesSync(path.join(parent, '.unfinished-stale'), 0, 0)
  const broken = path.join(parent, 'notes', 'auth.db')
  writeFileSync(broken, 'this is no database')

  await t.rejects(createBackup({ ...config, AUTH_DB_PATH: broken, BACKUP_KEEP: 1 }), { message: /^AUTH_DB_PATH: the database cannot be copied: file is not a database$/ })
  t.same(readdirSync(parent).filter(name => names.includes(name)), names.slice(1), 'a backup that failed costs none')
  const { backup: { name } } = await createBackup(config)
  t.same(readdirSync(parent), ['.unfinished-fresh', names[2], name, 'notes'], 'what a killed backup left is removed, what another one may be at is not')
})

t.test('a damaged backup is refused, and nothing is changed', async t => {
  const { db, config } = await testDatabase(t)
  writeFileSync(path.join(path.dirname(config.AUTH_DB_PATH), 'secret.key'), 'a'.repeat(64))
  const { backup: { folder } } = await createBackup(config)
  await db.destroy()
  const untouched = readFileSync(config.AUTH_DB_PATH)
  for (const [damage, said] of [
    [() => appendFileSync(path.join(folder, 'secret.key'), 'x'), /is damaged: secret\.key is not what was backed up; choose another backup$/],
    [() => rmSync(path.join(folder, 'secret.key')), /is damaged: secret\.key is missing; choose another backup$/],
    [() => appendFileSync(path.join(folder, 'auth.db'), 'x'), /is damaged: auth\.db is not what was backed up; choose another backup$/],
    [() => writeFileSync(path.join(folder, 'backup.json'), '{"sha256":{}}'), /is damaged: its backup\.json names no database; choose another backup$/],
    [() => rmSync(path.join(folder, 'backup.json')), /is no backup: its backup\.json is missing or cannot be read$/]
  ] as const) {
    damage()
    await t.rejects(restoreBackup(config, folder), { message: said })
  }
  t.same(readFileSync(config.AUTH_DB_PATH), untouched)
  t.same(readdirSync(path.dirname(config.AUTH_DB_PATH)).sort(), ['auth.db', 'backups', 'secret.key'])
})

t.test('a page that is damaged is found in the copy, and in a backup whose sum is right', async t => {
  const { db, config } = await testDatabase(t)
  await db.destroy()
  const filled = new SQLite(config.AUTH_DB_PATH)
  filled.exec('create table ballast (id integer primary key, text text); create index ballast_text on ballast (text); with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000) insert into ballast select i, hex(randomblob(100)) from n')
  filled.pragma('journal_mode = DELETE')
  const page = filled.prepare("select max(pageno) from dbstat where name = 'ballast_text' and pagetype = 'leaf'").pluck().get() as number
  const size = filled.pragma('page_size', { simple: true }) as number
  filled.close()
  const { backup: { folder } } = await createBackup(config)
  const damage = (file: string): Buffer => {
    const bytes = readFileSync(file)
    bytes.fill(0, (page - 1) * size + 100, page * size) // a page of the index
    writeFileSync(file, bytes)
    return bytes
  }

  const untouched = readFileSync(config.AUTH_DB_PATH)
  const bytes = damage(path.join(folder, 'auth.db'))
  const manifest = JSON.parse(readFileSync(path.join(folder, 'backup.json'), 'utf8'))
  manifest.sha256['auth.db'] = createHash('sha256').update(bytes).digest('hex')
  writeFileSync(path.join(folder, 'backup.json'), JSON.stringify(manifest))
  await t.rejects(restoreBackup(config, folder), { message: /auth\.db is damaged: / })
  t.same(readFileSync(config.AUTH_DB_PATH), untouched, 'and nothing is changed')

  const before = readdirSync(path.dirname(folder))
  damage(config.AUTH_DB_PATH)
  await t.rejects(createBackup(config), { message: /auth\.db is damaged: / })
  t.same(readdirSync(path.dirname(folder)), before, 'no backup of it is left behind')
})

t.test('a folder that cannot be written is said so', async t => {
  const { config } = await testDatabase(t)
  const file = path.join(temporaryFolder(t), 'file')
  writeFileSync(file, '')
  await t.rejects(createBackup({ ...config, BACKUP_DIR: path.join(file, 'backups') }), { message: /^BACKUP_DIR: .*backups cannot be written \(ENOTDIR\); make it writable, or choose another$/ })
})

t.test('every mistake is one line that says what to do', async t => {
  const command = commands(t, { AUTH_DB_PATH: path.join(temporaryFolder(t), 'auth.db') })
  const cases: [['backup' | 'restore', ...string[]], number, RegExp][] = [
    [['backup'], 2, /there is no database .*; the first start of the server makes it/], [['backup', 'frob'], 2, /no command "frob"/], [['restore'], 2, /say which backup: latest/],
    [['restore', 'latest'], 2, /there are no backups in /], [['restore', '/nonexistent'], 1, /\/nonexistent is no backup/]
  ]
  await Promise.all(cases.map(async ([args, code, said]) => {
    const answer = await command(...args)
    t.match(answer, { code, stdout: '', stderr: said }, args.join(' '))
    t.match(answer.stderr, /^\w+: [^\n]+\n$/, 'one line')
  }))
  for (const name of ['backup', 'restore'] as const) t.match(await command(name, '--help'), { code: 0, stdout: new RegExp(`^  \\./mcpx ${name}`, 'm'), stderr: '' })
})

t.test('a backup that was made while the clock was wrong is not the latest, and pushes out none', async t => {
  const { db, config } = await testDatabase(t)
  await db.destroy()
  const parent = path.join(path.dirname(config.AUTH_DB_PATH), 'backups')
  const { backup: { name: first } } = await createBackup(config)
  for (const year of [2098, 2099]) cpSync(path.join(parent, first), path.join(parent, first.replace(/^\d{4}/, String(year))), { recursive: true })
  const { backup } = await createBackup({ ...config, BACKUP_KEEP: 2 })
  t.same(readdirSync(parent).sort(), [first, backup.name], 'they go before older ones')
  renameSync(path.join(parent, backup.name), path.join(parent, backup.name.replace(/^\d{4}/, '2099')))
  const command = commands(t, { AUTH_DB_PATH: config.AUTH_DB_PATH })
  t.match(await command('restore', 'latest'), { code: 0, stderr: new RegExp(`^2099\\S+: made while the clock was wrong, so not taken for the latest; to restore it, give its name\nrestored .*${first}`) })
})
