// The process: build the app, listen, drain on SIGTERM. Nothing else.
import { flushCompileCache } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import type { FastifyInstance } from 'fastify'
import { ConfigurationError } from './lib/configuration-error.ts'
import { type Config, readConfig } from './plugins/config.ts'
import { freePort } from './lib/free-port.ts'
import { betterNode } from './lib/node-floor.ts'
import { SHUTDOWN } from './plugins/catalog/calls/call-scope.ts'
import { startWatchdog } from './lib/watchdog.ts'

const EXIT_UNCAUGHT = 1 // and it is started again, by systemd or by the container's engine
const EXIT_CONFIGURATION = 78 // EX_CONFIG of sysexits.h: systemd need not try again
const EXIT_TEMPORARY = 75 // EX_TEMPFAIL: it may be well later, as a database that is not there yet
const CLOSE_CONNECTIONS_MS = 1500
// Behind a proxy: longer than it keeps an idle connection to us (keepalive_timeout of ops/nginx). Only who sends requests can close
// one without cutting a request that is under way, so it is waited for.
const PROXY_CLOSES_MS = 5000
const HARD_LIMIT_MS = 2000
const QUIET_MS = 500 // requests that still come say that a proxy has more connections that it keeps

try {
  const safeNode = betterNode()
  if (safeNode !== undefined) (await import('./lib/net/no-brotli.ts')).refuseBrotli()
  const config = await configure()
  const { buildApp } = await import('./app.ts') // only now, so that what is wrong with the settings is said sooner
  const app = await buildApp(config)
  process.on('unhandledRejection', error => app.log.error({ err: error }, 'a rejected promise that nobody handled; the server goes on'))
  // What it has left half done is not known, so that what starts anew is safer than what goes on; calls in flight may end.
  process.on('uncaughtException', error => {
    app.log.fatal({ err: error }, 'an error that nobody caught; the server finishes what it has begun, and ends')
    void stop(app, 'uncaughtException', EXIT_UNCAUGHT)
  })
  if (safeNode !== undefined) app.log.warn({ node: process.versions.node, safe: safeNode }, 'the decoder of Brotli of this Node is not safe (CVE-2026-111497): answers encoded so are refused; use the Node named here, or a later one')
  await app.port.open()
  startWatchdog(config.WATCHDOG_SECONDS)
  if (process.stdout.isTTY) process.stdout.write((await import('./cli/summary.ts')).summary(app))
  else if (app.toolReload !== undefined) app.toolReload.tell = line => process.stderr.write(`mcpx: ${line}\n`) // a terminal shows the log
  flushCompileCache() // or only a graceful end would keep what this start has compiled; without NODE_COMPILE_CACHE it does nothing
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => { void stop(app, signal) })
  // A terminal that goes away ends the server as SIGTERM does. Elsewhere somebody wants a log opened anew, which is not ours.
  const atTerminal = process.stdout.isTTY
  process.on('SIGHUP', signal => { if (atTerminal) void stop(app, signal) })
  process.on('SIGUSR2', () => {}) // by which others are told to open their logs anew; it would end this at once
} catch (error) {
  fail(error)
}

/** The configuration; with a port chosen where any will do, as the address that clients are given is part of much that is built. */
async function configure (): Promise<Config> {
  const config = readConfig()
  if (config.MCP_SERVER_PORT !== 0 || config.publicUrlGiven) return config
  return readConfig({ ...process.env, MCP_SERVER_PORT: String(await freePort(config.MCP_SERVER_HOST)) })
}

/** Stops without a failed request: no new connections, then time for what is in flight, then the rest is ended. */
async function stop (app: FastifyInstance, reason: NodeJS.Signals | 'uncaughtException', code = 0): Promise<void> {
  if (app.lifecycle.phase === 'draining') return // one end is enough, and the first has the reason
  const grace = app.config.SHUTDOWN_GRACE_SECONDS * 1000
  const started = performance.now()
  app.log.info({ signal: reason }, 'stopping')
  app.lifecycle.phase = 'draining'
  if (reason === 'SIGTERM' || reason === 'SIGINT') process.once(reason, () => process.exit(1)) // a second Ctrl+C does not wait
  const closing = app.config.PUBLIC_URL.startsWith('https:') ? PROXY_CLOSES_MS : CLOSE_CONNECTIONS_MS // TLS is the proxy's
  setTimeout(() => process.exit(1), closing + grace + HARD_LIMIT_MS).unref()

  await app.port.stopAccepting()
  while (performance.now() - started < closing && await app.port.connections() > 0) await sleep(50)
  const busy = (): boolean => app.mcp.inFlight.size > 0 || performance.now() - app.lifecycle.drainedAt < QUIET_MS
  while (busy() && performance.now() - started < grace) await sleep(50)
  for (const call of app.mcp.inFlight) call.stop(SHUTDOWN)
  await app.close()
  process.exit(code)
}

function fail (error: unknown): never {
  if (!(error instanceof ConfigurationError)) {
    process.stderr.write(`${inspect(error)}\n`)
    process.exit(1)
  }
  for (const problem of error.problems) process.stderr.write(`mcpx: ${problem}\n`)
  process.exit(error.temporary ? EXIT_TEMPORARY : EXIT_CONFIGURATION)
}
