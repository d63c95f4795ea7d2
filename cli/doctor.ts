// mcpx doctor …: follows the path of a client, and says what is in the way.
import { existsSync } from 'node:fs'
import { isIP } from 'node:net'
import { parseArgs } from 'node:util'
import type { FindingId } from '../doctor/catalogue.ts'
import { examine } from '../doctor/examine.ts'
import { machine } from '../doctor/checks/machine.ts'
import { found, type Result } from '../doctor/finding.ts'
import { signOwnToken } from '../doctor/own-token.ts'
import { count, machineReadable, readable, type Report } from '../doctor/report.ts'
import { ConfigurationError } from '../lib/configuration-error.ts'
import { type Config, readConfig } from '../plugins/config.ts'
import { called } from '../lib/called.ts'
import { Mistake, run } from './mistake.ts'

const HELP = `Follows the path of an MCP client to a server, and says what is wrong and how to fix it.

  ${called('doctor')}          the server of this machine, at its PUBLIC_URL, and the machine itself
  ${called('doctor')} <url>    any server, from outside: https://mcp.example.com/mcp

  --env FILE         settings of the server, when not in .env: /etc/mcpx/mcpx.env
  --token TOKEN      an access token, for real calls; or in the variable MCPX_TOKEN
  --own-token        on the server: signs one for a minute with the server's own secret
  --register         registers a client and opens its sign-in page; the server forgets it after 30 days
  --address IP       connects there instead of where the name leads: before a DNS change
  --http-port PORT   where plain http is; 80 when https is on 443
  --instances PORTS  ports of the instances on this machine: 8001,8002
  --strict           warnings count as problems
  --json             JSON, as when piped
  --help

Exit codes: 0 all is well, 1 there are problems, 2 it was asked wrongly. A certificate authority of
your own is made known with NODE_EXTRA_CA_CERTS. docs/troubleshooting.md explains each finding.
`

await run('doctor', async args => {
  const { values, positionals: [given, ...more] } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      env: { type: 'string' },
      token: { type: 'string' },
      'own-token': { type: 'boolean', default: false },
      register: { type: 'boolean', default: false },
      address: { type: 'string' },
      'http-port': { type: 'string' },
      instances: { type: 'string' },
      strict: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false }
    }
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  if (more.length > 0) throw new Mistake(`"${more[0]}" is one word too many: doctor takes one URL`)
  if (values.address !== undefined && isIP(values.address) === 0) throw new Mistake(`--address: "${values.address}" is not an IP address`)
  if (given !== undefined && (values.env !== undefined || values.instances !== undefined || values['own-token'])) throw new Mistake('--env, --instances and --own-token are about the server of this machine: leave the URL out')
  const httpPort = values['http-port'] === undefined ? undefined : portOf('--http-port', values['http-port'])
  const instances = values.instances?.split(',').map(port => portOf('--instances', port.trim()))
  const envFile = values.env ?? '.env'
  const token = values.token ?? (process.env.MCPX_TOKEN || undefined)

  const started = performance.now()
  const settings = given === undefined ? readSettings(envFile, values.env !== undefined) : undefined
  if (Array.isArray(settings)) return show({ url: null, seconds: 0, results: settings }, values)
  const url = given === undefined ? new URL(`${settings?.PUBLIC_URL}${settings?.MCP_PATH}`) : urlOf(given)
  const ownToken = values['own-token'] && settings !== undefined && settings.AUTH_MODE === 'oauth' ? signOwnToken(settings) : undefined
  const own = settings === undefined ? [] : [machine({ config: settings, envFile, instances })]
  let done = 0
  const progress = () => { if (process.stderr.isTTY) process.stderr.write(`\r${++done} checks done, at most half a minute in all `) }
  const results = await examine({ url, token: token ?? ownToken, address: values.address, httpPort, register: values.register, config: settings }, own, progress)
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
  show({ url: url.href, seconds: (performance.now() - started) / 1000, results }, values)
})

function show (report: Report, { json, strict }: { json: boolean, strict: boolean }): void {
  const people = process.stdout.isTTY && !json
  process.stdout.write(people ? readable(report, process.stdout.hasColors()) : `${machineReadable(report)}\n`)
  process.exitCode = count(report.results, 'problem') + (strict ? count(report.results, 'warning') : 0) > 0 ? 1 : 0
}

/** The configuration, or what is wrong with it as findings. */
function readSettings (file: string, mustExist: boolean): Config | Result[] {
  const resultOf = (finding: FindingId, detail: string): Result => ({ group: 'This machine', check: 'settings', ...found(finding, detail) })
  if (mustExist && !existsSync(file)) return [resultOf('config-unreadable', `${file} is not there, or takes sudo to look at`)]
  try {
    return readConfig(process.env, file)
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return error.problems.map(problem => resultOf(problem.includes('cannot be read') ? 'config-unreadable' : 'config-wrong', problem))
  }
}

/** The endpoint: a bare address gets the usual path. */
function urlOf (given: string): URL {
  const text = given.includes('://') ? given : `https://${given}`
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) throw new Mistake(`"${given}" is not an http:// or https:// URL`)
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') throw new Mistake('the URL must have no credentials; a token goes into --token')
  if (url.pathname === '/') url.pathname = '/mcp'
  return url
}

function portOf (option: string, text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Mistake(`${option}: "${text}" is not a port`)
  return port
}
