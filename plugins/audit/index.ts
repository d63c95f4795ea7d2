// The trail of who has signed in, was let in or was refused, and of what operators' commands did: into the log, and into the database,
// behind the requests and in batches. It hears of everything by events; where nobody signs in there is nothing to keep.
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { now } from '../../lib/clock.ts'
import { Flood } from '../../lib/flood.ts'
import type { AuthenticationEvent } from '../events/index.ts'
import { append, type Entry, pruneAudit, takeUnlogged } from './store.ts'

/** Of alike refusals from one network. */
const TOLD_A_MINUTE = 20
const WRITE_MS = 1000
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
/** Entries that wait for the database; what is beyond them is counted. */
const MOST_WAITING = 5000

export default fp(async function audit (fastify: FastifyInstance) {
  const { config, db, events, log, metrics } = fastify
  if (config.AUTH_MODE !== 'oauth') return

  const refusals = new Flood(TOLD_A_MINUTE)
  let waiting: Entry[] = []
  let lost = 0
  let writing: Promise<void> = Promise.resolve()
  let isWriting = false
  let timer: NodeJS.Timeout | undefined

  function keep (entry: Entry): void {
    if (waiting.length >= MOST_WAITING) lost++
    else waiting.push(entry)
    timer ??= setTimeout(write, WRITE_MS).unref()
  }

  function write (): void {
    clearTimeout(timer)
    timer = undefined
    if (isWriting) return // or a database that is slow would have batches wait that nobody counts
    const entries = waiting
    if (lost > 0) entries.push({ at: now(), kind: 'account', event: 'audit_lost', outcome: 'refused', count: lost, reason: 'more came at once than could be written' })
    waiting = []
    lost = 0
    if (entries.length === 0) return
    isWriting = true
    writing = append(db, entries)
      .catch((error: unknown) => log.error({ err: error, entries: entries.length }, 'audit events could not be stored; they are in the log only'))
      .finally(() => {
        isWriting = false
        if (waiting.length > 0) timer ??= setTimeout(write, WRITE_MS).unref()
      })
  }

  function hear ({ id, event, outcome, address = '', user, client, reason }: AuthenticationEvent): void {
    metrics.count('auth', { event, outcome })
    const kind = kindOf(event, outcome)
    if (kind !== 'account' && !refusals.isTold({ event, outcome, address })) return
    log.info({ ...(id !== undefined && { reqId: id }), audit: event, outcome, address, user, client, reason }, 'authentication event')
    keep({ at: now(), kind, event, outcome, address, subject: user, client, reason, request_id: id })
  }

  function countRefusals (): void {
    for (const { event, outcome, address, count } of refusals.take()) {
      log.info({ audit: event, outcome, address, count }, 'more authentication events of the last minute')
      keep({ at: now(), kind: kindOf(event, outcome), event, outcome, address, count })
    }
  }

  async function logCommands (): Promise<void> {
    for (const { at, event, outcome, actor, subject, client, reason } of await takeUnlogged(db)) {
      log.warn({ audit: event, outcome, actor, user: subject ?? undefined, client: client ?? undefined, reason: reason ?? undefined, at: new Date(at * 1000).toISOString() }, 'command of an operator')
    }
  }

  const quietly = (work: Promise<unknown>): void => { work.catch((error: unknown) => log.error({ err: error }, 'the audit trail could not be kept')) }
  const leave = [events.on('authentication', hear), events.on('elsewhere', () => quietly(logCommands()))]
  const timers = [setInterval(countRefusals, MINUTE_MS).unref(), setInterval(() => quietly(pruneAudit(db, config.AUDIT_KEEP_DAYS)), HOUR_MS).unref()]
  fastify.addHook('onReady', async () => {
    quietly(logCommands()) // what was done while no server ran
    quietly(pruneAudit(db, config.AUDIT_KEEP_DAYS))
  })
  fastify.addHook('onClose', async () => {
    for (const stop of leave) stop()
    for (const each of timers) clearInterval(each)
    countRefusals()
    await writing
    write()
    await writing
  })
}, { name: 'audit', dependencies: ['config', 'db', 'events', 'metrics'] })

/** Whose share an event takes: what takes a user or a token of one, what takes the form of the sign-in, and what anybody may send. */
function kindOf (event: string, outcome: 'ok' | 'refused'): Entry['kind'] {
  if (event === 'client_registered') return 'anonymous'
  if (outcome === 'ok' || event === 'consent' || event.endsWith('_replayed')) return 'account'
  return event === 'sign_in' ? 'sign_in' : 'anonymous'
}
