import type { ConfigurationChange } from '../../accounts/organization/configuration-change.ts'
import type { SmartClientConfig } from '../../storage/ehr/smart-client-config.ts'

/** What is recorded about an EHR that was set up, or changed to this. About its secret, only that it is a new one. */
export const changeTo = (config: SmartClientConfig, before?: SmartClientConfig): ConfigurationChange => {
  const { id, issuer, secret } = config
  if (before === undefined) return { action: 'C', id, told: `The EHR ${issuer} was set up`, details: detailsOf(config) }
  const old = detailsOf(before)
  const changed = Object.entries(detailsOf(config)).filter(([type, value]) => old[type] !== value)
  const replaced = secret !== undefined && secret !== before.secret ? { secret: 'replaced' } : {}
  const details = { ...Object.fromEntries(changed), ...replaced }
  return { action: 'U', id, told: `The EHR ${issuer} was changed`, details }
}

export const removalOf = ({ id, issuer }: SmartClientConfig): ConfigurationChange => ({
  action: 'D',
  id,
  told: `The EHR ${issuer} was removed`,
  details: {},
})

const detailsOf = (config: SmartClientConfig): Readonly<Record<string, string>> => ({
  issuer: config.issuer,
  client_id: config.clientId,
  authentication: config.authentication,
  scope: config.scope,
  nonce: config.requiresNonce ? 'required' : 'none',
  launches: config.enabled ? 'allowed' : 'refused',
  frame_origins: config.frameOrigins.join(' ') || 'none',
})
