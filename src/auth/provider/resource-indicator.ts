import { errors } from 'oidc-provider'

/**
 * Throws invalid_target if a token request names anything but the FHIR API. The library finds that too, but only once the code or the refresh token
 * is used up, so that the same request without the mistake would end what was granted; and of several resources it looks at the first alone.
 * https://www.rfc-editor.org/rfc/rfc8707#section-2
 */
export const requireOwnResource = (body: Buffer, fhir: string): void => {
  const named = new URLSearchParams(body.toString('utf8')).getAll('resource')
  if (named.some(one => one !== '' && one !== fhir)) throw otherResource(fhir)
}

export const otherResource = (fhir: string): errors.InvalidTarget =>
  new errors.InvalidTarget(`the only resource is ${fhir}`)
