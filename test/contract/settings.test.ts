// A tool file has settings of its own: read from where the server's are, checked at the start, and kept out of the log.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { summary } from '../../cli/summary.ts'
import { ConfigurationError } from '../../lib/configuration-error.ts'
import { startProcess } from '../process.ts'
import { startServer, temporaryFolder } from '../server.ts'
import { connect } from '../tool.ts'

/** A folder of tool files, each with a tool that answers its settings as JSON, and logs them. */
function folderOf (t: Test, files: Record<string, string>): string {
  const folder = temporaryFolder(t)
  for (const [file, settings] of Object.entries(files)) {
    const name = path.parse(file).name
    writeFileSync(path.join(folder, file), `import { Type } from '@sinclair/typebox'
export const settings = ${settings}
export default async function (fastify, { settings: given }) {
  fastify.mcp.registerTool('${name}', { description: 'x' }, (_args, ctx) => {
    ctx.log.info({ given, text: 'before ' + Object.values(given).join(' ') }, 'settings')
    return { content: [{ type: 'text', text: JSON.stringify(given) }] }
  })
}
`)
  }
  return folder
}

const problemsOf = async (t: Test, env: NodeJS.ProcessEnv): Promise<string[]> =>
  await startServer(t, env).then(() => [], (error: unknown) => error instanceof ConfigurationError ? error.problems : [String(error)])

const ALL = `Type.Object({
  T_TEXT: Type.String({ default: 'usual' }),
  T_KEY: Type.Optional(Type.String({ minLength: 8, secret: true })),
  T_COUNT: Type.Integer({ minimum: 1, maximum: 9, default: 3 }),
  T_RATIO: Type.Number({ default: 0.5 }),
  T_ON: Type.Boolean({ default: false }),
  T_UNIT: Type.Union([Type.Literal('km'), Type.Literal('mi')], { default: 'km' }),
  T_HOSTS: Type.Optional(Type.Array(Type.String({ pattern: '^[a-z.]+$', allowed: 'a host name' }))),
  T_TOKENS: Type.Optional(Type.Array(Type.String({ minLength: 8 }), { secret: true }))
})`

t.test('a tool is handed what it declares, as its types, with defaults', async t => {
  const TOOLS_DIR = folderOf(t, { 'mine.ts': ALL })
  const usual = await startServer(t, { TOOLS_DIR, T_TEXT: '  ' })
  t.same(JSON.parse(await (await connect(t, usual.endpoint, 'mine')).text()), { T_TEXT: 'usual', T_COUNT: 3, T_RATIO: 0.5, T_ON: false, T_UNIT: 'km' })
  const { endpoint } = await startServer(t, { TOOLS_DIR, T_TEXT: 'x', T_KEY: 'long enough', T_COUNT: '9', T_RATIO: '1e3', T_ON: 'true', T_UNIT: 'mi', T_HOSTS: ' a.b, c ,', T_TOKENS: 'first-token,second-token', T_OTHER: '1' })
  t.same(JSON.parse(await (await connect(t, endpoint, 'mine')).text()), { T_TEXT: 'x', T_KEY: 'long enough', T_COUNT: 9, T_RATIO: 1000, T_ON: true, T_UNIT: 'mi', T_HOSTS: ['a.b', 'c'], T_TOKENS: ['first-token', 'second-token'] })
})

t.test('what is wrong stops the start, a line for each setting, all files at once, and no secret in any', async t => {
  const TOOLS_DIR = folderOf(t, { 'mine.ts': ALL, 'other.ts': 'Type.Object({ O_PORT: Type.Integer({ minimum: 1 }), O_KEY: Type.String({ secret: true }) })' })
  t.same(await problemsOf(t, { TOOLS_DIR, T_KEY: 'hunter2', T_COUNT: '10', T_RATIO: 'half', T_ON: 'maybe', T_UNIT: 'feet', T_HOSTS: 'a,B', T_TOKENS: 'hunter3', O_PORT: '0' }), [
    'T_KEY: the given value is not text of at least 8 characters',
    'T_COUNT: 10 is not a whole number from 1 to 9',
    'T_RATIO: "half" is not a number',
    'T_ON: "maybe" is not true or false',
    'T_UNIT: "feet" is not one of km, mi',
    'T_HOSTS: "B" is not a host name',
    'T_TOKENS: the given value is not text of at least 8 characters',
    'O_PORT: 0 is not a whole number of at least 1',
    'O_KEY: it is not set, and has to be text'
  ])
})

t.test('a declaration that is none is named with its file', async t => {
  for (const [settings, problem] of [
    ['Type.String()', 'mine.ts: the export "settings" has to be an object schema: Type.Object({ MY_API_KEY: Type.String() })'],
    ['null', 'mine.ts: the export "settings" has to be an object schema: Type.Object({ MY_API_KEY: Type.String() })'],
    ['Type.Object({ apiKey: Type.String() })', 'mine.ts: settings: "apiKey" cannot be the name of a setting: it takes 1 to 64 of A-Z 0-9 _, a letter first'],
    ['Type.Object({ A: Type.Object({}) })', 'mine.ts: settings: A has to be text, a number, true or false, one of several, or a list of those'],
    ['Type.Object({ A: Type.Array(Type.Array(Type.String())) })', 'mine.ts: settings: A has to be text, a number, true or false, one of several, or a list of those'],
    ['Type.Object({ JWT_SECRET_KEY: Type.String() })', 'mine.ts: the setting JWT_SECRET_KEY is one of the server (docs/configuration.md); call it otherwise'],
    ['Type.Object({ OPENAI_API_KEY: Type.String() })', 'mine.ts: the setting OPENAI_API_KEY is declared by tools/web_search/index.ts already; call it otherwise']
  ] as const) {
    const problems = await problemsOf(t, { TOOLS_DIR: folderOf(t, { 'mine.ts': settings }) })
    t.equal(problems.length, 1)
    t.ok(problems[0]?.endsWith(problem), `${problems[0]} ends with ${problem}`)
  }
  const [problem] = await problemsOf(t, { TOOLS_DIR: folderOf(t, { 'a.ts': 'Type.Object({ SAME: Type.Optional(Type.String()) })', 'b.ts': 'Type.Object({ SAME: Type.Optional(Type.String()) })' }) })
  t.match(problem, /b\.ts: the setting SAME is declared by .*a\.ts already/)
})

t.test('secrets of tools are cut out of the log, those of built-in tools too', async t => {
  const secrets = ['tool-key-nobody-may-see', 'first-hidden-token', 'second-hidden-token', 'weather-key-nobody-may-see']
  const { endpoint, log, app } = await startServer(t, {
    TOOLS_DIR: folderOf(t, { 'mine.ts': ALL }), T_TEXT: 'for everybody', T_KEY: secrets[0], T_TOKENS: secrets.slice(1, 3).join(','), WEATHER_API_KEY: secrets[3]
  })
  await (await connect(t, endpoint, 'mine')).text()
  app.log.warn('upstream refused weather-key-nobody-may-see')
  t.ok(log.some(line => line.includes('before for everybody [redacted]')))
  for (const secret of secrets) t.same(log.filter(line => line.includes(secret)), [], secret)
  const shown = summary(app)
  t.match(shown, /^    get_weather +WEATHER_API_KEY \(set\), OPENWEATHERMAP_BASE_URL, WEATHER_GOV_BASE_URL$/m)
  t.match(shown, /\n  Settings of tools\n(?:    .*\n)*    mine +T_TEXT \(set\), T_KEY \(set\), T_COUNT, T_RATIO, T_ON, T_UNIT, T_HOSTS \(not set\), T_TOKENS \(set\)/)
  for (const secret of secrets) t.notMatch(shown, secret)
})

t.test('a name that is almost one of a setting is warned of', async t => {
  const { log } = await startServer(t, { TOOLS_DIR: folderOf(t, { 'mine.ts': ALL }), T_COUTN: '3', OPENAI_APIKEY: 'sk-aaaaaaaaaaaa', AUTH_MODES: 'oauth', RATE_LIMIT: '5', PATH: '/bin', T_OTHERS: 'x' })
  const warned = log.map(line => JSON.parse(line).msg as string).filter(text => text.includes('is no setting'))
  t.same(warned.sort(), ['AUTH_MODES is no setting; was AUTH_MODE meant?', 'OPENAI_APIKEY is no setting; was OPENAI_API_KEY meant?', 'T_COUTN is no setting; was T_COUNT meant?'])
})

t.test('they are read from .env as well, and a wrong one ends the process with 78', async t => {
  const folder = temporaryFolder(t)
  const env = { TOOLS_DIR: folderOf(t, { 'mine.ts': ALL }), AUTH_MODE: 'noauth', LOG_FORMAT: 'json' }
  const start = async (lines: string) => {
    writeFileSync(path.join(folder, '.env'), lines)
    return await startProcess(t, env, ['sh', '-c', `cd ${folder} && exec ${process.execPath} ${path.join(import.meta.dirname, '..', '..', 'server.ts')}`])
  }
  const wrong = await start('T_COUNT=12\n')
  t.equal(await wrong.ended, 78)
  t.equal(wrong.output.stderr, 'mcpx: T_COUNT: 12 is not a whole number from 1 to 9\n')
  const well = await start('T_COUNT=7\nT_KEY=from-the-file\n')
  await well.until(/listening/)
  t.match(JSON.parse(await (await connect(t, `${well.origin}/mcp`, 'mine')).text()), { T_COUNT: 7, T_KEY: 'from-the-file' })
})
