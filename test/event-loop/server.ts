// The server as a process of its own, which says over IPC for how long one turn of its event loop was busy at most.
import { subscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { buildApp } from '../../app.ts'
import { readConfig } from '../../plugins/config.ts'

const routes: string[] = []
const note = ({ method, url, config }: RouteOptions) => {
  for (const name of [method].flat()) if (!config?.unlisted && name !== 'HEAD' && name !== 'OPTIONS') routes.push(`${name} ${url}`)
}
// The one moment at which a hook sees every route.
subscribe('fastify.initialization', message => { (message as { fastify: FastifyInstance }).fastify.addHook('onRoute', note) })

const config = readConfig(process.env, '/nonexistent')
const app = await buildApp(config)
await app.port.open()

// Processor time, and not the clock's: on a busy machine the clock also counts what other processes do meanwhile.
const used = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
let last = 0
let stallMs = 0
let timer: NodeJS.Timeout | undefined
const tick = (): void => {
  const now = used()
  stallMs = Math.max(stallMs, now - last)
  last = now
}
process.on('message', what => {
  if (what === 'begin') {
    stallMs = 0
    last = used()
    timer = setInterval(tick, 1)
    process.send?.('begun')
  } else {
    setTimeout(() => {
      tick()
      clearInterval(timer)
      process.send?.({ stallMs })
    }, 4)
  }
})
process.on('disconnect', () => process.exit())
process.send?.({ routes, origin: `http://127.0.0.1:${config.MCP_SERVER_PORT}` })
