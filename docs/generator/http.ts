// docs/http.md, from the routes that the server registers in each mode.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { withApp } from './app.ts'
import { code, generated, table } from './markdown.ts'

export async function httpPage (): Promise<string> {
  const always = await routesOf('noauth')
  const withSignIn = [...await routesOf('oauth')].filter(([route]) => !always.has(route))
  return `${generated('the routes themselves')}
# HTTP

Every path that is served. On each of them, \`HEAD\` works where \`GET\` does, and \`OPTIONS\` answers CORS preflights; any other method gets 405, and any other path 404, as JSON. With \`METRICS_TOKEN\` and without \`METRICS_PORT\`, \`GET /metrics\` is served as well.

Answers carry an \`x-request-id\` that is also in the log. Only requests that cannot be read at all have none: malformed HTTP, a path with broken escapes (400), and headers that are too large (431).

${routeTable([...always])}
${withSignIn.length === 0
    ? ''
    : `
## With AUTH_MODE=oauth

With \`AUTH_MODE=noauth\` these do not exist.

${routeTable(withSignIn)}
`}`
}

/** What each route is for, by methods and path. */
async function routesOf (mode: string): Promise<Map<string, string>> {
  const routes = new Map<string, string>()
  const note = ({ method, url, config }: RouteOptions) => {
    const methods = [method].flat().filter(name => name !== 'OPTIONS' && name !== 'HEAD')
    if (methods.length > 0 && !config?.unlisted) routes.set(`${methods.join(', ')} ${url}`, config?.summary ?? '')
  }
  // The one moment at which a hook sees every route: when the instance is made, before anything is registered.
  const onInstance = (message: unknown) => { (message as { fastify: FastifyInstance }).fastify.addHook('onRoute', note) }
  subscribe('fastify.initialization', onInstance)
  try {
    await withApp({ AUTH_MODE: mode }, () => {})
  } finally {
    unsubscribe('fastify.initialization', onInstance)
  }
  return routes
}

function routeTable (routes: [string, string][]): string {
  const rows = routes.map(([route, summary]) => {
    const at = route.lastIndexOf(' ')
    return { path: route.slice(at + 1), methods: route.slice(0, at), summary }
  }).sort((a, b) => a.path < b.path ? -1 : 1)
  return table(['path', 'methods', 'what it is for'], rows.map(({ path, methods, summary }) => [code(path), methods, summary]))
}
