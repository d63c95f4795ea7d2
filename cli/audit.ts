// mcpx audit: who has signed in and was refused, and what commands did.
import { parseArgs } from 'node:util'
import { type AuditRow, listAudit } from '../plugins/audit/store.ts'
import { readConfig } from '../plugins/config.ts'
import { withDatabase } from './database.ts'
import { called } from '../lib/called.ts'
import { isoOf } from '../lib/clock.ts'
import { Mistake, run } from './mistake.ts'
import { timeOf } from './since.ts'

const HELP = `Shows the audit trail: sign-ins, consents, tokens, refusals, and what commands did. The newest are last.

  ${called('audit')}                       the last 100
  ${called('audit')} --since 24h           of the last day; also 30m, 7d, 2026-11-27, 2026-11-27T12:00:00Z
  ${called('audit')} --event sign_in       of one kind
  ${called('audit')} --user anna           about a user, or by an operator of this name
  ${called('audit')} --limit 1000
  ${called('audit')} --json                JSON, one entry per line; this is the default when piped

Similar entries that come often from one network are one entry with a count. Entries are kept for AUDIT_KEEP_DAYS.
`

await run('audit', async args => {
  const { values } = parseArgs({
    args,
    options: { since: { type: 'string' }, event: { type: 'string' }, user: { type: 'string' }, limit: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } }
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const since = values.since === undefined ? undefined : timeOf(values.since)
  const limit = Number(values.limit ?? (since === undefined ? 100 : 100_000))
  if (!Number.isInteger(limit) || limit < 1 || limit > 1_000_000) throw new Mistake(`--limit ${values.limit}: a whole number from 1 to 1000000`)
  await withDatabase(readConfig(), false, async db => {
    const rows = await listAudit(db, { since, event: values.event, user: values.user, limit })
    if (values.json || !process.stdout.isTTY) for (const row of rows) console.log(JSON.stringify(shown(row)))
    else if (rows.length === 0) console.log('nothing yet')
    else for (const row of rows) console.log(line(row))
  })
})

function shown ({ at, event, outcome, count, actor, subject, client, address, reason, request_id }: AuditRow): object {
  const details = Object.entries({ actor, subject, client, address, reason, request_id }).filter(([, value]) => value !== null)
  return { at: isoOf(at), event, outcome, ...(count > 1 && { count }), ...Object.fromEntries(details) }
}

// Names and reasons have come from outside: nothing of them may steer a terminal.
const plain = (text: string): string => text.replaceAll(/\p{C}/gu, '?')

function line (row: AuditRow): string {
  const { at, event, outcome, ...details } = shown(row) as Record<string, string | number>
  return [at, String(event).padEnd(22), String(outcome).padEnd(8), ...Object.entries(details).map(([name, value]) => `${name}=${plain(String(value))}`)].join(' ')
}
