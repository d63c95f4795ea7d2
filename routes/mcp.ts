// The MCP endpoint: authenticate, limit, then hand the request to a lane.
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify'
import { html } from '../lib/pages/html.ts'
import { noticePage, wantsPage } from '../lib/pages/notice.ts'
import { Refusal } from '../lib/refusal.ts'
import { Asked } from '../plugins/mcp/asked.ts'
import { bodyParser } from '../plugins/mcp/body.ts'
import { excess, SMALL_BODY } from '../plugins/mcp/bounds.ts'
import { sendFailure } from '../plugins/mcp/json-rpc.ts'
import { narrowedFurther } from '../plugins/mcp/narrowing.ts'
import { notPermitted } from '../plugins/mcp/permission.ts'

const METHODS = ['GET', 'POST', 'DELETE']

export default async function mcpRoute (fastify: FastifyInstance) {
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, bodyParser(fastify.getDefaultJsonParser('error', 'error')))

  fastify.setErrorHandler<FastifyError>((error, request, reply) => {
    logFault(error, request)
    return sendFailure(error, reply)
  })

  // Who types the address may well end it with a slash.
  const urls = [fastify.config.MCP_PATH, `${fastify.config.MCP_PATH}/`]
  for (const url of urls) serve(fastify, url)
  // In a scope of its own, so that a POST knows nothing of pages.
  await fastify.register(async streams => {
    await streams.mayServePages(streams)
    streams.setErrorHandler<FastifyError>((error, request, reply) => {
      logFault(error, request)
      return isBrowser(request) ? sendPage(error, request, reply) : sendFailure(error, reply)
    })
    const summary = 'The stream of a session, for what no call has asked for; a page for a person who opens it'
    for (const url of urls) streams.get(url, { ...optionsOf(streams, url, summary), onRequest: [streams.authenticate, streams.limitCaller, refuseBrowser] }, streams.serveMcp)
  })
}

const logFault = (error: FastifyError, request: FastifyRequest): void => {
  if ((error.statusCode ?? 500) >= 500) request.log.error({ err: error }, 'request failed')
}

function serve (fastify: FastifyInstance, url: string): void {
  fastify.route({ method: ['POST', 'DELETE'], url, ...optionsOf(fastify, url), handler: fastify.serveMcp })

  // Any other method, refused as JSON-RPC too (RFC 9110 section 15.5.6). HEAD is that of GET.
  fastify.route({
    method: fastify.supportedMethods.filter(method => !['GET', 'HEAD', ...METHODS].includes(method)),
    url,
    config: { jsonRpc: true, unlisted: true },
    onRequest: (_request, reply, done) => {
      reply.header('allow', `HEAD, ${METHODS.join(', ')}`)
      done(new Refusal(405, 'method_not_allowed', `Method not allowed: ${fastify.config.MCP_PATH} takes ${METHODS.join(', ')}`))
    },
    handler: () => {}
  })
}

function optionsOf (fastify: FastifyInstance, url: string, summary = 'The MCP endpoint (streamable HTTP)'): RouteShorthandOptions {
  return {
    config: { jsonRpc: true, unlisted: url !== fastify.config.MCP_PATH, summary },
    onRequest: [fastify.authenticate, fastify.limitCaller],
    preHandler: (request, reply, done) => {
      request.asked = new Asked(request)
      const tooMany = Array.isArray(request.body) ? fastify.limitBatch(request, request.body.length) : undefined
      if (tooMany !== undefined) return done(tooMany)
      // A body may come half a minute after the head that let it in.
      if (request.principal?.isRevoked?.() === true) return fastify.authenticate(request, reply, done)
      try {
        request.narrowed = narrowedFurther(request.narrowed, request)
      } catch (refusal) {
        return done(refusal as Refusal)
      }
      fastify.renameCalls?.(request)
      const tooMuch = isSmall(request) ? undefined : excess(request.body, fastify.config.TASK_MAX)
      if (tooMuch !== undefined) done(new Refusal(400, 'invalid_request', `Invalid request: ${tooMuch}`))
      else {
        // Before a lane runs anything: the challenge names all that the whole body takes (MCP authorization, scope challenge handling).
        const refused = notPermitted(fastify.mcp, request)
        if (refused === undefined) done()
        else done(fastify.insufficientScope(request, reply, refused))
      }
    }
  }
}

const isSmall = ({ headers }: FastifyRequest): boolean => Number(headers['content-length']) <= SMALL_BODY

/** Whether a person has opened the address in a browser: no client asks for a page, or has a session then. */
const isBrowser = ({ headers }: FastifyRequest): boolean => wantsPage(headers.accept) && headers['mcp-session-id'] === undefined

/** What a stream without a session is answered, before anything is made for it. */
function refuseBrowser (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void {
  if (!isBrowser(request)) return done()
  reply.header('allow', 'POST')
  done(new Refusal(405, 'method_not_allowed', 'Method not allowed.'))
}

/** The same answer for a person: what this address is for. */
function sendPage ({ statusCode = 500 }: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { MCP_PATH, MCP_SERVER_NAME: serverName, PUBLIC_URL, publicPath } = reply.server.config
  reply.removeHeader('referrer-policy') // that of all other answers, which would win over the page's own
  reply.helmet()
  return reply.code(statusCode).header('cache-control', 'no-store').type('text/html; charset=utf-8').send(noticePage({
    serverName,
    title: 'This address is for your assistant',
    text: html`Nothing is broken: this is not a page, but where an AI assistant calls tools. Add <code>${PUBLIC_URL}${MCP_PATH}</code> to yours as an MCP server.`,
    home: `${publicPath}/`,
    requestId: request.id
  }))
}
