// mcpx log: who called what, what failed and who signed in, out of the lines of the log.
import { spawn } from 'node:child_process'
import { createReadStream, fstatSync, type Stats } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { entriesOf, isWanted, readable } from './log-lines.ts'
import { Mistake, run } from './mistake.ts'
import { called } from '../lib/called.ts'
import { timeOf } from './since.ts'

const HELP = `Shows the log: who called what, what failed, who signed in. The newest lines are last.

  ${called('log')}                        from the journal; with a file or a pipe, from that
  ${called('log')} server.log
  ${called('log')} --calls --since 24h    calls of tools, prompts and resources of the last day; also 30m, 7d, 2026-11-27
  ${called('log')} --failed               what failed
  ${called('log')} --sign-ins             sign-ins, consents, sign-outs
  ${called('log')} --user anna --tool echo --client "Claude Code"

  --json    the lines as they are, one entry per line; this is the default when piped

Filters can be combined. With a filter, lines that are not the server's are skipped.
`

await run('log', async args => {
  const { values: { help, json, since, ...filters }, positionals: [file, ...more] } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      calls: { type: 'boolean' },
      failed: { type: 'boolean' },
      'sign-ins': { type: 'boolean' },
      user: { type: 'string' },
      tool: { type: 'string' },
      client: { type: 'string' },
      since: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' }
    }
  })
  if (help) {
    process.stdout.write(HELP)
    return
  }
  if (more.length > 0) throw new Mistake(`"${more[0]}" is one word too many: one file, or none`)
  const wanted = { ...filters, since: since === undefined ? undefined : timeOf(since) * 1000 }
  const filtered = Object.values(wanted).some(filter => filter !== undefined)
  const asJson = json ?? !process.stdout.isTTY
  process.stdout.on('error', () => process.exit()) // head has read enough
  for await (const line of createInterface({ input: await linesFrom(file), crlfDelay: Infinity })) {
    const entries = entriesOf(line)
    if (entries === undefined) {
      if (!filtered && !asJson && line.trim() !== '') console.log(line.replaceAll(/\p{C}/gu, '?'))
      continue
    }
    for (const entry of entries) if (isWanted(entry, wanted)) console.log(asJson ? JSON.stringify(entry) : readable(entry))
  }
})

async function linesFrom (file: string | undefined): Promise<NodeJS.ReadableStream> {
  if (file === undefined) return isRead(fstatSync(0)) ? process.stdin : await journal()
  const stream = createReadStream(path.resolve(process.env.INIT_CWD ?? '', file)) // of whoever typed it
  return await new Promise((resolve, reject) => stream.once('open', () => resolve(stream)).once('error', error => reject(new Mistake(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`))))
}

function isRead (input: Stats): boolean {
  return input.isFIFO() || input.isFile() || input.isSocket()
}

async function journal (): Promise<NodeJS.ReadableStream> {
  const child = spawn('journalctl', ['-t', 'mcpx', '-o', 'cat', '--no-pager', '-q'], { stdio: ['ignore', 'pipe', 'inherit'] })
  return await new Promise((resolve, reject) => child.once('spawn', () => resolve(child.stdout)).once('error', () => reject(new Mistake('there is no journal on this machine; say a file, or pipe the log into this'))))
}
