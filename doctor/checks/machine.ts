// The server's own side: what nobody sees from outside. It only reads; the database is not opened, as that would make files in it.
import { accessSync, constants, readdirSync, realpathSync, type Stats, statfsSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import path from 'node:path'
import { ConfigurationError } from '../../lib/configuration-error.ts'
import { requireTrusted } from '../../lib/trusted-files.ts'
import { type Config, noauthProblem } from '../../plugins/config.ts'
import { betterNode } from '../../lib/node-floor.ts'
import { found, ok, skipped, type Verdict } from '../finding.ts'
import { type Answer, ask, describe } from '../http.ts'
import { checkDatabase } from './database.ts'
import { list, stat } from './files.ts'
import type { Group } from './group.ts'
import { checkNginx } from './nginx.ts'
import { checkBackups, checkRenewal, checkServed } from './upkeep.ts'

const GIB = 1024 ** 3
const MIB = 1024 ** 2
const HEALTH_MS = 3000

export interface Machine {
  readonly config: Config
  /** File that the settings were read from. */
  readonly envFile: string
  /** Ports of the instances; without, those of the units that systemd starts, or MCP_SERVER_PORT. */
  readonly instances?: number[] | undefined
  /** Where / is: another folder in tests. */
  readonly root?: string | undefined
  /** Version of Node; that which runs this. */
  readonly node?: string | undefined
}

export function machine (options: Machine): Group {
  const { root = '/', config } = options
  return {
    title: 'This machine',
    checks: [
      { name: 'settings', run: async () => checkSettings(options) },
      { name: 'Node', run: async () => checkNode(options) },
      { name: 'instances', run: async () => await checkInstances(options.instances ?? instancesOf(root, config), config) },
      { name: 'data folder', run: async () => checkData(config) },
      { name: 'database', run: async () => await checkDatabase(config) },
      { name: 'tools', run: async () => checkTools(config) },
      { name: 'disk space', run: async () => checkDisk(config) },
      { name: 'nginx', run: async () => checkNginx(root) },
      { name: 'renewal of the certificate', run: async () => checkRenewal(root) },
      { name: 'certificate in use', run: async visit => await checkServed(root, visit) },
      { name: 'backups', run: async () => checkBackups(root) }
    ]
  }
}

function checkSettings ({ config, envFile, root = '/' }: Machine): Verdict[] {
  const files = [...new Set([path.resolve(envFile), path.join(root, 'etc/mcpx/mcpx.env')])].flatMap(file => {
    const state = stat(file)
    return state === undefined ? [] : [{ file, state }]
  })
  const exposed = files.filter(({ state }) => (state.mode & 0o077) !== 0)
  const refused = noauthProblem(config)
  const verdicts = [
    ...(refused === undefined ? [] : [found('config-wrong', refused)]),
    ...exposed.map(({ file, state }) => found('config-exposed', `${file} can be read by others (mode ${mode(state)})`)),
    ...(config.publicUrlGiven ? [] : [found('public-url-unset', `PUBLIC_URL is not set; clients are told ${config.PUBLIC_URL}`)])
  ]
  return verdicts.length > 0 ? verdicts : [ok(`valid, ${files.length === 0 ? 'from the environment' : `in ${files.map(({ file }) => file).join(', ')}`}`)]
}

function checkNode ({ node = process.versions.node }: Machine): Verdict {
  const better = betterNode(node)
  return better === undefined ? ok(node) : found('node-unsafe', `${node}; ${better} or later is safe`)
}

/** Ports of the units mcpx@PORT that systemd starts; MCP_SERVER_PORT where there are none. */
export function instancesOf (root: string, { MCP_SERVER_PORT }: Config): number[] {
  const units = ['mcpx.target.wants', 'multi-user.target.wants'].flatMap(folder => list(path.join(root, 'etc/systemd/system', folder))).flatMap(name => /^mcpx@(\d+)\.service$/.exec(name)?.[1] ?? [])
  return units.length > 0 ? units.map(Number).toSorted((a, b) => a - b) : [MCP_SERVER_PORT]
}

const hostOf = ({ MCP_SERVER_HOST }: Config): string => ['0.0.0.0', '::'].includes(MCP_SERVER_HOST) ? '127.0.0.1' : MCP_SERVER_HOST

/** Asks an instance of this machine how it is. The reason is told to a loopback connection, and with the token to any. */
export async function askInstance (port: number, config: Config, path: '/health' | '/health/ready'): Promise<Answer> {
  const host = hostOf(config)
  const headers = config.METRICS_TOKEN === undefined ? {} : { authorization: `Bearer ${config.METRICS_TOKEN}` }
  return await ask(new URL(`http://${host.includes(':') ? `[${host}]` : host}:${port}${path}`), { timeoutMs: HEALTH_MS, headers })
}

async function checkInstances (ports: number[], config: Config): Promise<Verdict[]> {
  return await Promise.all(ports.map(async port => {
    const at = `${hostOf(config)}:${port}`
    try {
      const answer = await askInstance(port, config, '/health/ready')
      if (answer.status === 200) return ok(`${at} is ready`)
      return found('instance-not-ready', `${at}: ${typeof answer.json?.reason === 'string' ? answer.json.reason : describe(answer)}`)
    } catch (error) {
      return found('instance-down', `${at}: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`)
    }
  }))
}

function checkData ({ AUTH_MODE, AUTH_DB_PATH, DATABASE_URL, JWT_PRIVATE_KEY_PATH }: Config): Verdict {
  const database = path.resolve(AUTH_DB_PATH)
  const folder = path.dirname(database)
  const state = stat(folder)
  if (state === undefined) return found('data-missing', `${folder} is not there`)
  const secret = path.join(folder, 'secret.key')
  const files = [database, secret, JWT_PRIVATE_KEY_PATH].filter(file => file !== undefined) // by the rule of the start, whatever their folder is
  const exposed = files.map(file => ({ file, state: stat(file) })).find(({ state }) => state !== undefined && (state.mode & 0o007) !== 0)
  if (exposed?.state !== undefined) return found('data-exposed', `${exposed.file} can be read by others (mode ${mode(exposed.state)})`)
  if (AUTH_MODE === 'oauth' && DATABASE_URL === undefined && stat(database) === undefined) return (state.mode & 0o700) !== 0 && process.getuid?.() !== 0 && process.getuid?.() !== state.uid ? skipped(`${folder} takes sudo to look into`) : found('data-missing', `${database} is not there`)
  return ok(`${folder} is closed to others`)
}

/** By the rule of the start, but for owners: those that it allows are the server's user, and whoever looks here is another. */
function checkTools ({ TOOLS_DIR, SKILLS_DIR }: Config): Verdict {
  const folders = Object.entries({ TOOLS_DIR, SKILLS_DIR }).filter((entry): entry is [string, string] => entry[1] !== undefined)
  try {
    for (const [setting, folder] of folders) requireTrusted(path.resolve(folder), setting, false)
    const closed = folders.flatMap(([, folder]) => unreadable(path.resolve(folder)))
    if (closed.length > 0) return found('tools-unreadable', `${closed.slice(0, 3).join(', ')}${closed.length > 3 ? ` and ${closed.length - 3} more` : ''} cannot be read by the user ${userInfo().username}`)
    return folders.length === 0 ? skipped('no folder of your own is set') : ok(`${folders.map(([, folder]) => folder).join(', ')}: closed to others`)
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return found('tools-exposed', error.message)
  }
}

/** What a folder holds that whoever looks here cannot read: on a server that is the service's user. Links may lead back to where they are. */
function unreadable (folder: string, seen = new Set<string>()): string[] {
  try {
    accessSync(folder, constants.R_OK)
    const real = realpathSync(folder)
    if (seen.has(real) || !statSync(real).isDirectory()) return []
    seen.add(real)
    return readdirSync(folder).filter(name => name !== 'node_modules' && name !== '.git').flatMap(name => unreadable(path.join(folder, name), seen))
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? [folder] : []
  }
}

function checkDisk ({ AUTH_DB_PATH }: Config): Verdict {
  const folder = path.dirname(path.resolve(AUTH_DB_PATH))
  try {
    const { bavail, blocks, bsize } = statfsSync(folder)
    const [free, share] = [bavail * bsize, bavail / blocks]
    const line = `${free >= GIB ? `${(free / GIB).toFixed(1)} GiB` : `${Math.round(free / MIB)} MiB`} free (${Math.round(share * 100)} %) where ${folder} is`
    if (free < 100 * MIB) return found('disk-full', line)
    return free < GIB && share < 0.1 ? found('disk-low', line) : ok(line)
  } catch {
    return skipped(`${folder} cannot be looked at`)
  }
}

const mode = ({ mode }: Stats): string => (mode & 0o777).toString(8).padStart(4, '0')
