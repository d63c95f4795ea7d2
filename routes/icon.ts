// The icon that browsers show beside the name of a page.
import type { FastifyInstance } from 'fastify'

const ICON = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#1d5bbf"/><g fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round"><path d="M12 6v6M20 6v6"/><path d="M8.5 12h15v4a7.5 7.5 0 0 1-15 0z" fill="#fff" stroke="none"/><path d="M16 23v4"/></g></svg>'

export default async function icon (fastify: FastifyInstance) {
  // Browsers ask for the second whatever a page says.
  for (const path of ['/icon.svg', '/favicon.ico']) {
    fastify.get(path, { config: { summary: 'Icon of the pages', unlisted: path !== '/icon.svg' } }, async (_request, reply) =>
      reply.type('image/svg+xml').header('cache-control', 'public, max-age=86400').send(ICON))
  }
}
