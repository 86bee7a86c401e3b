/** Where browsers come back to from the identity provider, and where that is told of us. */

export const oidcCallbackPath = '/sso/callback'
export const samlConsumerPath = '/sso/acs'
export const samlMetadataPath = '/sso/metadata'
