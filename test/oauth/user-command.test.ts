import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { verifyPassword } from '../../plugins/accounts/password.ts'
import { findByUsername } from '../../plugins/accounts/users.ts'
import { startServer, temporaryFolder } from '../server.ts'
import { grantEverything, holdings, testDatabase } from './database.ts'

const COMMAND = path.join(import.meta.dirname, '../../cli/user.ts')
const PASSWORD = 'correct horse battery'

t.test('a first user is added to a folder that does not exist yet, with a password from a pipe', async t => {
  const user = command(t, path.join(temporaryFolder(t), 'new', 'auth.db'))
  const nowhere = await user(['add', 'Anna'], `${PASSWORD}\n`)
  t.match(nowhere, { code: 2, stdout: '', stderr: /^user: there is no database \S+\/new\/auth\.db: the first start of the server makes it, or --create; [^\n]+\n$/ }, 'none is made by accident')
  t.match(await user(['add', 'Anna', '--create'], `${PASSWORD}\n`), { code: 0, stdout: '', stderr: /^added anna in \S+\/new\/auth\.db\n$/ })
  const { stdout } = await user(['list'])
  t.match(JSON.parse(stdout), [{ username: 'anna', roles: ['admin'], created_at: /^\d{4}-.*Z$/, last_sign_in: null, disabled_at: null }], 'piped, the list is JSON')
})

t.test('a generated password is printed alone and once, and works', async t => {
  const { db, config } = await testDatabase(t)
  const user = command(t, config.AUTH_DB_PATH)
  for (const change of ['add', 'passwd']) {
    const { code, stdout } = await user([change, 'anna', '--generate'])
    t.equal(code, 0)
    t.match(stdout, /^[\w-]{24}\n$/)
    const { password_hash: hash } = await findByUsername(db, 'anna') ?? {}
    t.match(hash, /^\$2b\$12\$/)
    t.ok(await verifyPassword(stdout.trim(), hash), change)
  }
})

t.test('it works beside a running server, which sees the change', async t => {
  const { app } = await startServer(t)
  const user = command(t, app.config.AUTH_DB_PATH)
  t.match(await user(['add', 'anna'], PASSWORD), { code: 0 })
  const { id } = await findByUsername(app.db, 'anna') ?? { id: 0 }
  await grantEverything(app.db, id)
  t.match(await user(['passwd', 'ANNA'], `${PASSWORD}!`), { code: 0, stderr: /every app and browser has to sign in again/ })
  t.same(await holdings(app.db, id), { grants: 0, codes: 0, consents: 0, sessions: 0 })
  t.match(await user(['disable', 'anna']), { code: 0 })
  t.ok((await findByUsername(app.db, 'anna'))?.disabled_at)
  t.match(await user(['enable', 'anna']), { code: 0 })
  t.equal((await findByUsername(app.db, 'anna'))?.disabled_at, null)
})

t.test('removing needs a yes, and another user', async t => {
  const { db, config } = await testDatabase(t)
  const user = command(t, config.AUTH_DB_PATH)
  await user(['add', 'anna'], PASSWORD)
  t.match(await user(['remove', 'anna', '--yes']), { code: 2, stderr: /^user: anna is the only user.*\n$/ })
  await user(['add', 'berta'], PASSWORD)
  t.match(await user(['remove', 'anna', '--yes']), { code: 2, stderr: /^user: anna is the only admin; make somebody else one first: user role NAME admin\n$/ })
  t.match(await user(['role', 'berta', 'admin', 'auditor']), { code: 0, stderr: /^berta has the roles admin, auditor now, in / })
  t.match(await user(['remove', 'anna']), { code: 2, stderr: /^user: remove asks first.*--yes\n$/ })
  t.ok(await findByUsername(db, 'anna'))
  t.match(await user(['remove', 'anna', '--yes']), { code: 0, stderr: /^removed anna in / })
  t.equal(await findByUsername(db, 'anna'), undefined)
})

t.test('every mistake is one line and exit code 2', async t => {
  const { config } = await testDatabase(t)
  const user = command(t, config.AUTH_DB_PATH)
  await user(['add', 'anna'], PASSWORD)
  for (const [args, input, said] of [
    [[], '', /a command is needed: list, add/], [['frob'], '', /no command "frob"/], [['constructor', 'x'], '', /no command "constructor"/],
    [['add'], '', /add needs the name/], [['list', 'anna'], '', /too many names/], [['disable', 'a', 'b'], '', /too many names/],
    [['add', 'b', '--password=x'], '', /Unknown option '--password'/], [['list', '--yes=1'], '', /--yes/],
    [['add', 'Anna'], PASSWORD, /there is a user anna already/], [['add', 'a\nb'], PASSWORD, /visible characters/],
    [['add', 'berta'], '', /no password on standard input/], [['add', 'berta'], 'short', /at least 12 characters/],
    [['role', 'anna'], '', /role needs the roles that anna shall have/], [['role', 'anna', 'king'], '', /there is no role "king"; there are admin, auditor, member/],
    [['add', 'berta', '--role', 'king'], PASSWORD, /there is no role "king"/],
    [['passwd', 'nobody'], PASSWORD, /no user "nobody"/], [['remove', 'nobody', '--yes'], '', /no user "nobody"/]
  ] as const) {
    const { code, stdout, stderr } = await user([...args], input)
    t.match({ code, stdout, stderr }, { code: 2, stdout: '', stderr: said }, args.join(' '))
    t.match(stderr, /^user: [^\n]+\n$/, 'one line')
  }
  t.match(await command(t, path.join(import.meta.filename, 'auth.db'))(['list', '--create']), { code: 2, stderr: /^user: AUTH_DB_PATH: [^\n]+\n$/ })
  t.match(await command(t, config.AUTH_DB_PATH, { MCP_SERVER_PORT: 'x' })(['list']), { code: 2, stderr: /^user: MCP_SERVER_PORT: [^\n]+\n$/ })
})

t.test('--help explains', async t => {
  t.match(await command(t, '/nonexistent/auth.db')(['--help']), { code: 0, stdout: /user passwd <name>/, stderr: '' })
})

t.test('on a terminal', { skip: existsSync('/usr/bin/script') ? false : 'there is no script(1) to make a terminal with' }, async t => {
  const { db, config } = await testDatabase(t)

  t.test('the password is asked for twice and not shown', async t => {
    const terminal = openTerminal(t, config.AUTH_DB_PATH, 'add anna')
    await terminal.answer(/New password for anna: $/, PASSWORD)
    await terminal.answer(/The same again: $/, PASSWORD)
    t.match(await terminal.end(), { code: 0, shown: /added anna/ })
    t.notMatch(terminal.shown(), 'horse')
    t.ok(await verifyPassword(PASSWORD, (await findByUsername(db, 'anna'))?.password_hash))
  })

  t.test('two different passwords change nothing', async t => {
    const terminal = openTerminal(t, config.AUTH_DB_PATH, 'add berta')
    await terminal.answer(/New password for berta: $/, PASSWORD)
    await terminal.answer(/The same again: $/, 'correct horse batterie')
    t.match(await terminal.end(), { code: 2, shown: /the two passwords are not the same/ })
    t.equal(await findByUsername(db, 'berta'), undefined)
  })

  t.test('Ctrl+C changes nothing', async t => {
    const terminal = openTerminal(t, config.AUTH_DB_PATH, 'passwd anna')
    await terminal.answer(/New password for anna: $/, 'half a passw\u0003')
    t.match(await terminal.end(), { code: 130, shown: /nothing was changed/ })
  })

  t.test('the list is a table', async t => {
    t.match(await openTerminal(t, config.AUTH_DB_PATH, 'list').end(), { code: 0, shown: /USERNAME +CREATED +LAST SIGN-IN +STATE +ROLES\r\nanna +\d{4}-\d\d-\d\d \d\d:\d\d +never +active +admin/ })
  })

  t.test('removing asks, and only a yes removes', async t => {
    await command(t, config.AUTH_DB_PATH)(['add', 'berta'], PASSWORD)
    let terminal = openTerminal(t, config.AUTH_DB_PATH, 'remove berta')
    await terminal.answer(/Remove berta .*\[y\/N\] /, '')
    t.match(await terminal.end(), { code: 2, shown: /nothing was changed/ })
    t.ok(await findByUsername(db, 'berta'))
    terminal = openTerminal(t, config.AUTH_DB_PATH, 'remove berta')
    await terminal.answer(/\[y\/N\] /, 'y')
    t.match(await terminal.end(), { code: 0, shown: /removed berta/ })
  })
})

/** The command as a process of its own, not on a terminal. */
function command (t: Test, database: string, env: NodeJS.ProcessEnv = {}) {
  const cwd = temporaryFolder(t) // without a .env file
  return async (args: string[], input = ''): Promise<{ code: number | null, stdout: string, stderr: string }> => {
    const child = spawn(process.execPath, [COMMAND, ...args], { cwd, env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...env, AUTH_DB_PATH: database } })
    const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
    child.stdin.on('error', () => {}).end(input) // some mistakes are found before it is read
    const code = await exit(child)
    return { code, stdout: stdout(), stderr: stderr() }
  }
}

/** The command on a pseudo-terminal, with somebody to type. */
function openTerminal (t: Test, database: string, args: string) {
  const child = spawn('script', ['-qefc', `"${process.execPath}" "${COMMAND}" ${args}`, '/dev/null'], { cwd: temporaryFolder(t), env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, AUTH_DB_PATH: database } })
  const shown = collect(child.stdout)
  const ended = exit(child)
  t.teardown(() => child.kill())
  return {
    shown,
    async answer (prompt: RegExp, line: string): Promise<void> {
      while (!prompt.test(shown()) && child.exitCode === null) await new Promise(resolve => child.stdout.once('data', resolve))
      child.stdin.write(`${line}\r`)
    },
    async end (): Promise<{ code: number | null, shown: string }> {
      return { code: await ended, shown: shown() }
    }
  }
}

function collect (stream: NodeJS.ReadableStream): () => string {
  let all = ''
  stream.setEncoding('utf8').on('data', chunk => { all += chunk })
  return () => all
}

function exit (child: ChildProcess): Promise<number | null> {
  return new Promise(resolve => child.once('close', resolve))
}
