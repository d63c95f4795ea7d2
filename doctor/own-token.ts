// A token that the server's owner makes with the server's own secret, to walk the whole way without a browser. It is good
// for a minute and for this server only, belongs to no user, and is stored nowhere.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { loadKeys } from '../plugins/auth/oauth/grants/keys.ts'
import { TOOLS_SCOPE } from '../plugins/auth/scope.ts'
import { ConfigurationError } from '../lib/configuration-error.ts'
import type { Config } from '../plugins/config.ts'

const LIFETIME_SECONDS = 60

/** @throws ConfigurationError when the secret cannot be read; none is made, that is the server's business */
export function signOwnToken (config: Config): string {
  const { PUBLIC_URL: issuer, MCP_PATH } = config
  const resource = issuer + MCP_PATH
  const keys = loadKeys(config, config.JWT_PRIVATE_KEY_PATH === undefined ? secretOf(config) : '', issuer, resource)
  const iat = Math.floor(Date.now() / 1000)
  return keys.sign({
    iss: issuer, sub: 'doctor', aud: resource, client_id: 'doctor', scope: TOOLS_SCOPE, jti: randomUUID(), gid: randomUUID(), iat, exp: iat + LIFETIME_SECONDS
  })
}

function secretOf ({ JWT_SECRET_KEY, AUTH_DB_PATH }: Config): string {
  if (JWT_SECRET_KEY !== undefined) return JWT_SECRET_KEY
  const file = path.join(path.dirname(path.resolve(AUTH_DB_PATH)), 'secret.key')
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new ConfigurationError([`--own-token: ${file} cannot be read (${(error as NodeJS.ErrnoException).code}); run it with sudo on the server`], { cause: error })
  }
}
