// Tells how each request has ended: first whoever has to do something then (fastify.onEnded), and then whoever listens to events.
// Not by Fastify's onResponse, which is not run when the client is gone before the end.
import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply } from 'fastify'
import fp from 'fastify-plugin'

/**
 * @param ms how long it took from the head of the request on
 * @param aborted whether the client was gone before the last byte was out
 */
export type EndedListener = (reply: FastifyReply, ms: number, aborted: boolean) => void

declare module 'fastify' {
  interface FastifyInstance {
    /** Has a listener called once for each request, when its response has ended or its client is gone. To be called at boot. */
    onEnded: (listener: EndedListener) => void
  }
}

// On the response itself: a WeakMap from one to the other would keep both through the next collections, at five times the price.
const REPLY = Symbol('the Fastify reply of a response')
type Watched = ServerResponse & { [REPLY]?: FastifyReply | undefined }

export default fp(async function ended (fastify: FastifyInstance) {
  const { events } = fastify
  const listeners: EndedListener[] = []
  fastify.decorate('onEnded', listener => { listeners.push(listener) })

  fastify.addHook('onRequest', (_request, reply, done) => {
    const response: Watched = reply.raw
    response[REPLY] = reply
    response.on('close', onClose)
    done()
  })

  // One function for all responses, so that none is made for each.
  function onClose (this: Watched): void {
    const reply = this[REPLY]
    if (reply === undefined) return
    this[REPLY] = undefined
    const ms = reply.elapsedTime
    const aborted = !this.writableFinished
    for (const listener of listeners) listener(reply, ms, aborted)
    if (events.hears('request')) events.publish({ type: 'request', reply, asked: reply.request.asked, ms, aborted })
  }
}, { name: 'ended', dependencies: ['events'] })
