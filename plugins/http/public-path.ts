// PUBLIC_URL with a path: requests below it are those of the routes, whether or not the proxy in front takes it away. Where it does
// not stand in front, as in what monitoring asks on the machine, routes are where they always are.
import type { RawServerDefault, RawRequestDefaultExpression } from 'fastify'

/** Fastify's rewriteUrl, for a path such as `/tools`. */
export function below (publicPath: string): (request: RawRequestDefaultExpression<RawServerDefault>) => string {
  return ({ url = '/' }) => {
    if (!url.startsWith(publicPath)) return url
    const rest = url.slice(publicPath.length)
    if (rest.startsWith('/')) return rest
    return rest === '' || rest.startsWith('?') ? `/${rest}` : url // and not /toolshed
  }
}
