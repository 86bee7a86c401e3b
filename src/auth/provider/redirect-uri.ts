import { type Client, errors, Provider } from 'oidc-provider'
import { holdClient } from '../../storage/authorization/client-registration.ts'
import type { Connection } from '../../storage/database.ts'

/**
 * A check for the transaction of this request: it throws if the client may not be answered any more where the code was sent, since whoever has that
 * address now may have begun the request. Until the transaction ends, nobody takes an address from the client. To be called before anything else is
 * locked.
 */
export const redirectUriCheck = (): ((connection: Connection) => Promise<void>) => {
  const { client, params } = Provider.ctx?.oidc ?? {}
  return async connection => {
    if (client === undefined) return
    const held = await holdClient(connection, client.clientId)
    if (held === undefined) throw new errors.InvalidGrant('the client is not registered any more')
    const { redirect_uris, application_type } = held.metadata
    const metadata = { ...client.metadata(), redirect_uris, application_type }
    const now: Client = Reflect.construct(client.constructor, [metadata])
    if (!now.redirectUriAllowed(String(params?.redirect_uri)))
      throw new errors.InvalidGrant('the redirect_uri of the code is not one of the client any more')
  }
}
