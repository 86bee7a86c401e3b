/** Where browsers come back from the identity provider, and where providers find our metadata. */

export const oidcCallbackPath = '/sso/callback'
export const samlConsumerPath = '/sso/acs'
export const samlMetadataPath = '/sso/metadata'
