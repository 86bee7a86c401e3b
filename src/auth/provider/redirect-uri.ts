import { errors, Provider } from 'oidc-provider'

/**
 * Throws if the client that comes with a code may not be answered any more where the code was sent, since whoever has that address now may have begun
 * the request. The library has read the client in this request, and has seen that its `redirect_uri` is that of the code.
 */
export const requireRedirectUri = (): void => {
  const { client, params } = Provider.ctx?.oidc ?? {}
  if (client?.redirectUriAllowed(String(params?.redirect_uri)) !== true)
    throw new errors.InvalidGrant('the redirect_uri of the code is not one of the client any more')
}
