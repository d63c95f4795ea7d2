// Who may read the metrics: they name tools and show how the server is used.
import { createHash, timingSafeEqual } from 'node:crypto'

/** Whether an Authorization header carries the token (RFC 6750 section 2.1), found out in the same time whatever it carries. */
export function carriesToken (authorization: string | undefined, token: string): boolean {
  const [, given] = /^Bearer +([^ ]+)$/i.exec(authorization ?? '') ?? []
  return given !== undefined && timingSafeEqual(digest(given), digest(token))
}

// Digests have one length, which timingSafeEqual needs and which tells nothing of the token's own.
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
