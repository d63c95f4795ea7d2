// Whom a request is addressed to: the Host header, or the target itself where it is a whole URL (RFC 9112 section 3.2).

/**
 * The host name of a Host header in its one form, IPv6 in brackets; undefined for what is none. Strictly: a URL would read
 * user@host, host/path and 127.1 as something else than they say.
 */
export function hostnameOf (host: string | undefined): string | undefined {
  const [, name = '', address] = /^([a-z0-9._-]+|(\[[0-9a-f:.]+\]))(?::\d{0,5})?$/i.exec(host ?? '') ?? []
  if (name === '' || !URL.canParse(`http://${host}`)) return undefined
  const { hostname } = new URL(`http://${host}`)
  return address !== undefined || hostname === name.toLowerCase() ? hostname : undefined
}

/** What a target in absolute form (`GET http://host/path`) says: the host, in place of the header, and the path with its query. */
export function absoluteTarget (target: string): { readonly host: string, readonly path: string } | undefined {
  if (!URL.canParse(target)) return undefined
  const { protocol, host, pathname, search, username, password } = new URL(target)
  return /^https?:$/.test(protocol) && username + password === '' ? { host, path: pathname + search } : undefined
}
