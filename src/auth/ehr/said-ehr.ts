import type { Issue } from '../../fhir/error.ts'
import type { SmartClientConfig } from '../../storage/ehr/smart-client-config.ts'

/** What was entered about an EHR on a page. */
export type SaidEhr = Pick<
  SmartClientConfig,
  'issuer' | 'clientId' | 'authentication' | 'scope' | 'requiresNonce' | 'enabled' | 'frameOrigins'
> & {
  /** Unencrypted; empty to keep the one that is stored. */
  readonly secret: string
}

export const usualScope = 'openid fhirUser launch patient/Patient.r'

type Checks = {
  /** Why this server sends no request to a URL. */
  readonly refusalOf: (url: string) => string | undefined
  readonly knowsSecret: boolean
}

/** What is wrong, in the words of a page, with the parameters concerned. */
export const problemsOf = (said: SaidEhr, { refusalOf, knowsSecret }: Checks): readonly Issue[] => {
  const { issuer, clientId, authentication, secret, scope, frameOrigins } = said
  const unreachable = isIssuer(issuer) ? refusalOf(issuer) : undefined
  const frame = frameOrigins.find(one => !isFrameOrigin(one))
  const checks: readonly (readonly [isWrong: boolean, parameter: string, message: string])[] = [
    [!isIssuer(issuer), 'issuer', 'A FHIR base is needed, such as https://ehr.example.org/fhir'],
    [
      unreachable !== undefined,
      'issuer',
      `${unreachable}: the operator of this server has to allow it first, in OUTBOUND_ORIGINS`,
    ],
    [
      !/^[\x21-\x7e]{1,255}$/.test(clientId),
      'client_id',
      'Enter the ID that the EHR has given Sharewell: letters and signs of ASCII, at most 255, without spaces',
    ],
    [authentication === 'secret' && secret === '' && !knowsSecret, 'secret', 'The secret that the EHR gave is needed'],
    [!/^[\x20-\x7e]{0,1000}$/.test(secret), 'secret', 'A secret is letters and signs of ASCII, at most 1000'],
    [!scope.split(' ').includes('openid'), 'scope', 'Without openid nobody can be signed in'],
    [!/^[\x20-\x7e]{0,1000}$/.test(scope), 'scope', 'Scopes are letters and signs of ASCII, at most 1000'],
    [
      frame !== undefined,
      'frame_origins',
      `${frame?.slice(0, 200)} is no https origin, such as https://ehr.example.org`,
    ],
    [frameOrigins.length > 20, 'frame_origins', 'At most 20 origins are taken'],
  ]
  return checks.flatMap(([isWrong, expression, message]) => (isWrong ? [{ code: 'invalid', message, expression }] : []))
}

/** A query or fragment after the path would become a part of every address below it. */
const isIssuer = (text: string): boolean => {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && !/[?#\s]/.test(text) && text.length <= 1000
}

/** https, or this machine: one host that is named in full, since a `*` in `frame-ancestors` would mean any. */
export const isFrameOrigin = (text: string): boolean => {
  const url = URL.parse(text)
  if (!/^([a-z0-9.-]+|\[[0-9a-f:]+\])$/.test(url?.hostname ?? '')) return false
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isThisMachine(url.hostname))
  return isSafe && url?.origin === text
}

const isThisMachine = (host: string): boolean => ['localhost', '127.0.0.1', '[::1]'].includes(host)
