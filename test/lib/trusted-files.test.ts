import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { requireClosed, requireTrusted } from '../../lib/trusted-files.ts'
import { startProcess } from '../process.ts'
import { temporaryFolder } from '../server.ts'

const SOMEBODY = 54_321
const TOOL = "export default async function tool (fastify) { fastify.mcp.registerTool('mine', { description: 'Mine' }, async () => ({ content: [] })) }\n"
const SECRET = 'wQ3vN8rT1yZ6bK4mX9cD7fH2jL5pS0aG'

/** A file with a mode, whatever the umask, and an owner. */
function put (file: string, mode: number, { text = SECRET, uid = process.getuid?.() ?? 0, gid = process.getgid?.() ?? 0 } = {}): string {
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, text)
  chownSync(file, uid, gid)
  chmodSync(file, mode)
  return file
}

function problemOf (check: () => void): string {
  try {
    check()
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

t.test('a secret that others can read, or anybody else change, is refused with the command that fixes it', async t => {
  const folder = temporaryFolder(t)
  const file = (mode: number, owner = {}) => put(path.join(folder, mode.toString(8)), mode, owner)
  for (const mode of [0o600, 0o400, 0o640, 0o440, 0o660, 0o770]) t.equal(problemOf(() => requireClosed(file(mode), 'X')), '', mode.toString(8))
  for (const mode of [0o644, 0o604, 0o444]) t.match(problemOf(() => requireClosed(file(mode), 'X')), new RegExp(`^X: ${folder}/\\d+ holds a secret and can be read by others \\(mode 0${mode.toString(8)}\\); close it with: chmod 600 ${folder}/\\d+$`), mode.toString(8))
  for (const mode of [0o602, 0o666, 0o622]) t.match(problemOf(() => requireClosed(file(mode), 'X')), /can be changed by others/, mode.toString(8))
  t.match(problemOf(() => requireClosed(file(0o660, { gid: SOMEBODY }), 'X')), /can be changed by the group 54321/)
  t.equal(problemOf(() => requireClosed(file(0o640, { gid: SOMEBODY }), 'X')), '', 'a group that reads was chosen by somebody')
  t.equal(problemOf(() => requireClosed(path.join(folder, 'none'), 'X')), '')
  const open = file(0o644)
  symlinkSync(open, path.join(folder, 'link'))
  t.match(problemOf(() => requireClosed(path.join(folder, 'link'), 'X')), /can be read by others/, 'a link is what it leads to')
  t.match(problemOf(() => requireClosed(put(path.join(folder, "it's mine"), 0o644), 'X')), /chmod 600 '.*it'\\''s mine'$/)
})

t.test('code that others can change is refused, wherever in the folder it is', async t => {
  const cases: Record<string, [(folder: string) => void, RegExp]> = {
    'the folder': [folder => chmodSync(folder, 0o777), /tools is loaded by the server and can be changed by others \(mode 0777\); close it with: chmod go-w \S+tools$/],
    'a file': [folder => put(path.join(folder, 'a.ts'), 0o666), /a\.ts .*changed by others/],
    'a file that is imported from deep below': [folder => put(path.join(folder, 'a/_parts/b/c.ts'), 0o646), /c\.ts .*changed by others/],
    'a folder below': [folder => { put(path.join(folder, 'a/index.ts'), 0o644); chmodSync(path.join(folder, 'a'), 0o757) }, /tools\/a .*changed by others/],
    'its packages': [folder => { mkdirSync(path.join(folder, 'node_modules')); chmodSync(path.join(folder, 'node_modules'), 0o777) }, /node_modules .*changed by others/],
    'a file of another user': [folder => put(path.join(folder, 'a.ts'), 0o644, { uid: SOMEBODY }), /a\.ts is loaded by the server and belongs to user 54321, who is neither root nor the user that the server runs as/],
    'a folder of another user': [folder => chownSync(folder, SOMEBODY, 0), /tools .*belongs to user 54321/],
    'a group': [folder => put(path.join(folder, 'a.ts'), 0o664, { gid: SOMEBODY }), /changed by the group 54321/],
    'what a link leads to': [folder => { put(path.join(folder, '../elsewhere.ts'), 0o666); symlinkSync('../elsewhere.ts', path.join(folder, 'a.ts')) }, /a\.ts .*changed by others/],
    'a folder above': [folder => chmodSync(path.dirname(folder), 0o777), /others can replace \S+tools, as they can write to \S+ \(mode 0777\); close it with: chmod o-w /]
  }
  for (const [name, [open, problem]] of Object.entries(cases)) {
    const folder = path.join(temporaryFolder(t), 'tools')
    put(path.join(folder, 'fine.ts'), 0o644)
    chmodSync(folder, 0o755)
    t.equal(problemOf(() => requireTrusted(folder, 'TOOLS_DIR', true)), '', 'before')
    open(folder)
    t.match(problemOf(() => requireTrusted(folder, 'TOOLS_DIR', true)), problem, name)
  }
})

t.test('a folder of the program itself may belong to whoever installed it', async t => {
  const folder = path.join(temporaryFolder(t), 'tools')
  put(path.join(folder, 'a.ts'), 0o664, { uid: SOMEBODY, gid: SOMEBODY })
  chmodSync(folder, 0o755)
  t.equal(problemOf(() => requireTrusted(folder, 'tools', false)), '')
  chmodSync(path.join(folder, 'a.ts'), 0o646)
  t.match(problemOf(() => requireTrusted(folder, 'tools', false)), /changed by others/)
})

t.test('what a cluster mounts is taken as it is: links, a mode of 0644, a group of the volume', async t => {
  const volume = path.join(temporaryFolder(t), 'secret')
  put(path.join(volume, '..2026_01_01/key.pem'), 0o644)
  put(path.join(volume, '..2026_01_01/tool.ts'), 0o666, { text: TOOL, uid: SOMEBODY })
  symlinkSync('..2026_01_01', path.join(volume, '..data'))
  for (const name of ['key.pem', 'tool.ts']) symlinkSync(`..data/${name}`, path.join(volume, name))
  const shared = put(path.join(path.dirname(volume), 'data/secret.key'), 0o660, { uid: 0, gid: SOMEBODY })
  chmodSync(path.dirname(volume), 0o755)
  const script = path.join(path.dirname(volume), 'check.mjs')
  put(script, 0o644, { text: `
    const { requireClosed, requireTrusted } = await import(process.argv[2])
    process.setgroups([${SOMEBODY}])
    process.setgid(${SOMEBODY})
    process.setuid(${SOMEBODY + 1})
    requireClosed('${volume}/key.pem', 'JWT_PRIVATE_KEY_PATH')
    requireTrusted('${volume}', 'TOOLS_DIR', true)
    requireClosed('${shared}', 'secret.key')
    console.log('taken')
  ` })
  const run = (before: string) => spawnSync('unshare', ['--mount', 'sh', '-c', `${before} exec "$@"`, 'sh', process.execPath, script, path.join(import.meta.dirname, '../../lib/trusted-files.ts')], { encoding: 'utf8' })
  const readOnly = run(`mount --bind ${volume} ${volume} && mount -o remount,bind,ro ${volume} &&`)
  t.match(readOnly.stdout, /taken/, readOnly.stderr)
  t.match(run('').stderr, /JWT_PRIVATE_KEY_PATH: .*can be read by others .* close it with: chown \d+ \S+ && chmod 600 /, 'and where it can be changed, it is not')
})

async function refusal (t: Test, env: NodeJS.ProcessEnv): Promise<string> {
  const { ended, output } = await startProcess(t, env)
  t.equal(await ended, 78)
  t.match(output.stderr, /^mcpx: [^\n]*\n$/, 'one line')
  return output.stderr
}

t.test('the server does not start with such files', async t => {
  const folder = temporaryFolder(t)
  put(path.join(folder, 'data/secret.key'), 0o644)
  t.match(await refusal(t, { AUTH_DB_PATH: path.join(folder, 'data/auth.db') }), /secret\.key: \S+secret\.key holds a secret and can be read by others/)
  chmodSync(path.join(folder, 'data/secret.key'), 0o600)
  put(path.join(folder, 'data/auth.db'), 0o666)
  t.match(await refusal(t, { AUTH_DB_PATH: path.join(folder, 'data/auth.db') }), /AUTH_DB_PATH: \S+auth\.db .*changed by others/)
  put(path.join(folder, 'weak/secret.key'), 0o600, { text: 'a'.repeat(64) })
  t.match(await refusal(t, { AUTH_DB_PATH: path.join(folder, 'weak/auth.db') }), /secret\.key holds no usable secret/)
  const pem = execFileSync('openssl', ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  t.match(await refusal(t, { JWT_PRIVATE_KEY_PATH: put(path.join(folder, 'key.pem'), 0o644, { text: pem }) }), /JWT_PRIVATE_KEY_PATH: \S+key\.pem holds a secret/)
  t.match(await refusal(t, { JWT_PREVIOUS_KEY_PATHS: path.join(folder, 'key.pem') }), /JWT_PREVIOUS_KEY_PATHS: \S+key\.pem holds a secret/)
  put(path.join(folder, 'tools/mine.js'), 0o666, { text: TOOL })
  t.match(await refusal(t, { TOOLS_DIR: path.join(folder, 'tools') }), /TOOLS_DIR: \S+mine\.js is loaded by the server and can be changed by others/)
  put(path.join(folder, 'skills/tea/SKILL.md'), 0o666, { text: '---\nname: tea\ndescription: Tea\n---\n' })
  t.match(await refusal(t, { SKILLS_DIR: path.join(folder, 'skills') }), /SKILLS_DIR: \S+SKILL\.md is loaded by the server and can be changed by others/)
})

t.test('a .env that others can read stops the start when it holds a secret', async t => {
  const SERVER = path.join(import.meta.dirname, '../../server.ts')
  const folder = temporaryFolder(t)
  const start = (text: string, mode: number) => {
    put(path.join(folder, '.env'), mode, { text })
    return spawnSync(process.execPath, [SERVER], { cwd: folder, env: { PATH: process.env.PATH, AUTH_DEFAULT_PASSWORD: 'correct horse battery', MCP_SERVER_HOST: '203.0.113.1' }, encoding: 'utf8' }).stderr
  }
  t.match(start('OPENAI_API_KEY=sk-1\n', 0o644), /^mcpx: \.env: \S+\.env holds a secret and can be read by others \(mode 0644\); close it with: chmod 600 \S+\.env\n$/)
  t.match(start('MY_OWN_TOKEN=1\n', 0o644), /^mcpx: \.env: /)
  for (const [text, mode] of [['OPENAI_API_KEY=sk-1\n', 0o600], ['LOG_LEVEL=INFO\nOPENAI_API_KEY=\n', 0o644]] as const) t.match(start(text, mode), /^mcpx: MCP_SERVER_(HOST|PORT): [^\n]*203\.0\.113\.1/, 'it goes on to listen')
})
