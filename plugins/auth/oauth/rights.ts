// Holds what users and keys may do, and has the catalog ask for it only while somebody is restricted: until then a call costs nothing more.
import type { FastifyInstance } from 'fastify'
import { ConfigurationError } from '../../../lib/configuration-error.ts'
import { AccessKeys } from '../../accounts/access-keys.ts'
import { UserRights } from '../../accounts/rights.ts'
import { requireRoles } from '../../accounts/roles.ts'
import { BY_ROLE, BY_SCOPE } from '../policy.ts'

/** @throws ConfigurationError when new users would get a role that there is not */
export async function followRights (fastify: FastifyInstance): Promise<{ rights: UserRights, accessKeys: AccessKeys }> {
  const { config: { AUTH_NEW_USER_ROLE }, db, events, mcp, log } = fastify
  await requireRoles(db, [AUTH_NEW_USER_ROLE]).catch((error: Error) => { throw new ConfigurationError([`AUTH_NEW_USER_ROLE: ${error.message}`]) })
  // The lists of a key show what its scopes cover, and are no other's.
  const choose = (): void => { mcp.policy = rights.unrestricted && accessKeys.size === 0 ? BY_SCOPE : BY_ROLE }

  const rights = new UserRights(db, AUTH_NEW_USER_ROLE, touches => {
    choose()
    mcp.rightsChanged(touches)
  }, error => log.error({ err: error }, 'roles that another process has changed could not be read; it is tried again'))
  const accessKeys = new AccessKeys(db, rights, revoked => {
    choose()
    if (revoked.length > 0) events.publish({ type: 'revocation', grants: revoked })
  }, error => log.error({ err: error }, 'access keys could not be read, or when they were used could not be stored; it is tried again'))

  await rights.refresh()
  await accessKeys.refresh()
  const leave = events.on('elsewhere', () => {
    rights.follow()
    accessKeys.follow()
  })
  fastify.addHook('onClose', async () => {
    leave()
    rights.stop()
    await accessKeys.close()
  })
  return { rights, accessKeys }
}
