// fastify.shared: what instances tell each other. Where there is one, or several on one SQLite, nobody is told, and nothing is done.
import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { mergeCounts } from './counts.ts'
import type { Shared } from './shared.ts'

interface Message { readonly from: string, readonly topic: string, readonly data: unknown }

export default fp(async function shared (fastify: FastifyInstance) {
  const { callerCounts, config: { RATE_LIMIT_MAX }, events, log, storage: { exchange } } = fastify
  const topics = new Map<string, Set<(data: any) => void>>()
  const self = randomUUID()

  function heard (text: string): void {
    const { from, topic, data } = JSON.parse(text) as Message
    if (from === self) return
    for (const listener of topics.get(topic) ?? []) {
      try {
        listener(data)
      } catch (error) {
        log.error({ err: error, topic }, 'what another instance told could not be taken')
      }
    }
  }

  fastify.decorate('shared', {
    among: exchange === undefined ? 'nobody' : 'instances',
    publish: (topic, data) => {
      exchange?.publish(JSON.stringify({ from: self, topic, data } satisfies Message)).catch((error: unknown) => log.warn({ err: error, topic }, 'other instances could not be told'))
    },
    subscribe: (topic, listener) => {
      const listeners = topics.get(topic) ?? new Set()
      topics.set(topic, listeners.add(listener))
      return () => { listeners.delete(listener) }
    }
  } satisfies Shared)
  if (exchange === undefined) return

  const { shared } = fastify
  let relaying = false // what is told here because another instance told it is not told on
  const leave = [
    exchange.hear(heard),
    RATE_LIMIT_MAX === 0 ? () => {} : mergeCounts(shared, 'calls', callerCounts, RATE_LIMIT_MAX),
    events.on('resource', ({ uri }) => { if (!relaying) shared.publish('resource', uri) }),
    shared.subscribe('resource', (uri: string) => {
      relaying = true
      try {
        events.publish({ type: 'resource', uri })
      } finally {
        relaying = false
      }
    })
  ]
  fastify.addHook('onClose', async () => { for (const stop of leave) stop() })
}, { name: 'shared', dependencies: ['db', 'events', 'http'] })
