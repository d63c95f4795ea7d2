// What `mcpx status` tells, a line each; what cannot be found out is said so there, and stops nothing else.
import { fstatSync, statfsSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { askInstance, instancesOf } from '../doctor/checks/machine.ts'
import { now } from '../lib/clock.ts'
import { version } from '../lib/version.ts'
import type { Config } from '../plugins/config.ts'
import type { CheckResult } from '../plugins/http/lifecycle.ts'
import { shownPlace, withDatabase } from './database.ts'
import { entriesOf, isWanted, readable } from './log-lines.ts'
import { isAhead, listBackups } from './sqlite/backup.ts'

export interface Line {
  readonly label: string
  /** For people; more than one where there is more than one of it. */
  readonly shown: readonly string[]
  /** For programs. */
  readonly data: unknown
}

interface Health { status?: string, reason?: string, version?: string, uptime_seconds?: number, checks?: Record<string, CheckResult> }

const GIB = 1024 ** 3
const DAY_SECONDS = 86_400

export async function factsOf (config: Config): Promise<Line[]> {
  const instances = await Promise.all(instancesOf('/', config).map(async port => ({ port, health: await healthOf(port, config) })))
  const parts = instances.find(({ health }) => health.checks !== undefined)?.health.checks ?? {}
  const { certificate } = parts
  return [
    { label: 'release', shown: [version], data: version },
    { label: 'instances', shown: instances.map(({ port, health }) => `${port}  ${health.reason ?? health.status ?? 'does not answer'}${health.version === undefined ? '' : `, ${health.version}, for ${period(health.uptime_seconds ?? 0)}`}`), data: instances.map(({ port, health: { status, reason, version, uptime_seconds } }) => ({ port, status, reason, version, uptime_seconds })) },
    ...(certificate === undefined ? [] : [{ label: 'certificate', shown: [certificate.detail ?? (certificate.ok ? 'valid' : 'not valid')], data: certificate }]),
    ...Object.entries(parts).flatMap(([name, check]) => check.ok || name === 'certificate' ? [] : [{ label: name, shown: [check.detail ?? 'not ok'], data: check }]),
    await attempt('database', async () => await database(config)),
    ...(config.DATABASE_URL === undefined ? [await attempt('backups', async () => backups(config))] : []),
    await attempt('disk', async () => disk(config)),
    ...await failures()
  ]
}

async function attempt (label: string, look: () => Promise<Omit<Line, 'label'>>): Promise<Line> {
  try {
    return { label, ...await look() }
  } catch (error) {
    const { message } = error as Error
    return { label, shown: [message], data: { problem: message } }
  }
}

async function healthOf (port: number, config: Config): Promise<Health> {
  try {
    return ((await askInstance(port, config, '/health')).json ?? {}) as Health
  } catch (error) {
    return { reason: `does not answer (${(error as NodeJS.ErrnoException).code ?? (error as Error).message})` }
  }
}

async function database (config: Config): Promise<Omit<Line, 'label'>> {
  const where = shownPlace(config)
  const counts = { users: 0, apps: 0, grants: 0 }
  await withDatabase(config, false, async db => {
    const count = async (table: 'users' | 'oauth_clients'): Promise<number> => Number((await db.selectFrom(table).select(({ fn }) => fn.countAll().as('count')).executeTakeFirstOrThrow()).count)
    const alive = await db.selectFrom('oauth_grants').select(({ fn }) => fn.countAll().as('count')).where('revoked_at', 'is', null).where('expires_at', '>', now()).executeTakeFirstOrThrow()
    Object.assign(counts, { users: await count('users'), apps: await count('oauth_clients'), grants: Number(alive.count) })
  })
  return { shown: [`${where}: ${Object.entries(counts).map(([what, number]) => `${number} ${number === 1 ? what.slice(0, -1) : what}`).join(', ')}`], data: { where, ...counts } }
}

async function backups ({ BACKUP_DIR }: Config): Promise<Omit<Line, 'label'>> {
  const all = listBackups(BACKUP_DIR)
  const latest = all.find(backup => !isAhead(backup))
  return { shown: [latest === undefined ? `none in ${path.resolve(BACKUP_DIR)}` : `${all.length} in ${path.resolve(BACKUP_DIR)}, the latest ${period((Date.now() - Date.parse(latest.created_at)) / 1000)} ago`], data: { folder: path.resolve(BACKUP_DIR), kept: all.length, latest: latest?.created_at ?? null } }
}

async function disk ({ AUTH_DB_PATH }: Config): Promise<Omit<Line, 'label'>> {
  const { bavail, blocks, bsize } = statfsSync(path.dirname(path.resolve(AUTH_DB_PATH)))
  return { shown: [`${(bavail * bsize / GIB).toFixed(1)} GiB of ${(blocks * bsize / GIB).toFixed(1)} free`], data: { free_bytes: bavail * bsize, bytes: blocks * bsize } }
}

/** What failed in the last day, by the lines of the log at standard input: on a server the journal is handed over there. */
async function failures (): Promise<Line[]> {
  const input = fstatSync(0)
  if (!input.isFIFO() && !input.isFile()) return []
  let [number, last]: [number, string | undefined] = [0, undefined]
  for await (const line of createInterface({ input: process.stdin })) {
    for (const entry of entriesOf(line) ?? []) {
      if (!isFault(entry)) continue
      number++
      last = readable(entry)
    }
  }
  return [{ label: 'errors', shown: last === undefined ? ['none in the last 24 hours'] : [`${number} in the last 24 hours; the last: ${last}`], data: { last_24_hours: number, last: last ?? null } }]
}

const isFault = (entry: Record<string, unknown>): boolean => (entry.level === 'error' || entry.level === 'fatal') && isWanted(entry, { since: Date.now() - DAY_SECONDS * 1000 })

/** For people: 5 minutes, 3 hours, 12 days. */
function period (seconds: number): string {
  const [number, unit] = seconds < 120 ? [seconds, 'second'] : seconds < 7200 ? [seconds / 60, 'minute'] : seconds < 2 * DAY_SECONDS ? [seconds / 3600, 'hour'] : [seconds / DAY_SECONDS, 'day']
  return `${Math.floor(number)} ${unit}${Math.floor(number) === 1 ? '' : 's'}`
}
