// The Host header (RFC 9112 section 3.2): a host and perhaps a port, and nothing else that a URL could hold.

/** The host name of a Host header in its one form, IPv6 in brackets; undefined for what is none, such as user@host or host/path. */
export function hostnameOf (host: string | undefined): string | undefined {
  if (host === undefined || !/^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.test(host) || !URL.canParse(`http://${host}`)) return undefined
  return new URL(`http://${host}`).hostname
}
