// METRICS_PORT: a listener of its own, so that no proxy that serves the main port can serve the metrics by mistake.
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { ConfigurationError } from '../../lib/configuration-error.ts'
import { isFromThisMachine } from '../../lib/net/own-machine.ts'
import { carriesToken } from '../../lib/digest.ts'

// Importing it would load undici for the names that node:http takes from there: 150 ms of a start for what is not used.
const { createServer } = process.getBuiltinModule('node:http')

/**
 * Serves /metrics, and nothing else, until the server closes.
 * @throws ConfigurationError when the address cannot be had
 */
export async function openListener (fastify: FastifyInstance, port: number): Promise<void> {
  const { METRICS_HOST: host, METRICS_TOKEN: token } = fastify.config
  const server = createServer((request, response) => { void answer(request, response) })
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (error) {
    throw new ConfigurationError([`METRICS_PORT: cannot listen on ${host}, port ${port} (${(error as NodeJS.ErrnoException).code}); choose another`], { cause: error })
  }
  server.unref()
  fastify.addHook('onClose', async () => {
    server.close()
    server.closeAllConnections()
  })
  fastify.log.info({ host, port }, 'metrics are served at /metrics')

  async function answer (request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url, headers } = request
    response.setHeader('x-content-type-options', 'nosniff')
    if (url?.split('?', 1)[0] !== '/metrics' || (method !== 'GET' && method !== 'HEAD')) return end(response, 404, 'Metrics are served at /metrics\n')
    // Without a token a proxy could pass others on, or a browser be led here by a name of its attacker's (DNS rebinding).
    if (token === undefined && !isFromThisMachine(request)) return end(response, 403, 'Ask for localhost, without a proxy, or set METRICS_TOKEN\n')
    if (token !== undefined && !carriesToken(headers.authorization, token)) {
      return end(response.setHeader('www-authenticate', 'Bearer realm="metrics"'), 401, 'METRICS_TOKEN is needed as a bearer token\n')
    }
    try {
      const { text, type } = await fastify.metrics.write?.() ?? { text: '' }
      end(response, 200, text, type)
    } catch (error) {
      fastify.log.error({ err: error }, 'metrics could not be written')
      end(response, 500, 'The log has the cause\n')
    }
  }
}

function end (response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) }).end(text)
}
