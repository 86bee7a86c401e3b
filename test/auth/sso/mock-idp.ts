import { randomBytes } from 'node:crypto'
import { inflateRawSync } from 'node:zlib'
import { generate } from 'selfsigned'
import { SignedXml } from 'xml-crypto'

export const entityId = 'https://idp.riverside.example/saml'
export const signInUrl = 'https://idp.riverside.example/saml/sso?tenant=1'
const serviceProvider = 'http://localhost:8080/sso/metadata'
const consumerUrl = 'http://localhost:8080/sso/acs'

/** The content of an answer, all of it right by default. Times are in seconds from now; null leaves one out. */
export type Answer = {
  readonly nameId: string
  readonly email?: string
  readonly name?: string
  /** More attributes, by name. */
  readonly attributes?: Readonly<Record<string, string>>
  readonly format?: string
  /** More attributes of the NameID. */
  readonly qualifiers?: string
  readonly issuer?: string
  readonly audience?: string | null
  readonly recipient?: string
  readonly destination?: string
  /** For the assertion; `responseTo` is for the Response. */
  readonly inResponseTo?: string | null
  readonly responseTo?: string | null
  readonly validFrom?: number
  readonly validTo?: number
  readonly confirmedTo?: number | null
  readonly method?: string
  readonly signedIn?: number
  readonly context?: string
  readonly status?: string
  /** Additions to the subject. */
  readonly subject?: string
  readonly signed?: 'assertion' | 'response' | 'both' | 'neither'
  readonly by?: 'the provider' | 'another'
  readonly algorithms?: { readonly signature?: string; readonly digest?: string; readonly canonical?: string }
  /** Before and after it is signed. */
  readonly edited?: (xml: string) => string
  readonly tampered?: (xml: string) => string
}

/** An AuthnRequest as the browser brings it. */
export type Asked = { readonly id: string; readonly xml: string; readonly url: URL }

/** An identity provider that signs whatever it is told to. https://docs.oasis-open.org/security/saml/v2.0/ */
export const openMockIdp = async () => {
  const own = await generate([{ name: 'commonName', value: 'idp' }], { algorithm: 'sha256', keySize: 2048 })
  const other = await generate([{ name: 'commonName', value: 'idp' }], { algorithm: 'sha256', keySize: 2048 })
  const sign = (xml: string, element: 'Assertion' | 'Response', { by = 'the provider', algorithms = {} }: Answer) => {
    const { private: privateKey, cert: publicCert } = by === 'another' ? other : own
    const { signature = `${more}rsa-sha256`, digest = `${encryption}sha256`, canonical = exclusive } = algorithms
    const signed = new SignedXml({
      privateKey,
      publicCert,
      signatureAlgorithm: signature,
      canonicalizationAlgorithm: canonical as never,
    })
    const at = `//*[local-name(.)='${element}']`
    signed.addReference({ xpath: at, transforms: [enveloped, canonical], digestAlgorithm: digest })
    signed.computeSignature(xml, {
      prefix: 'ds',
      location: { reference: `${at}/*[local-name(.)='Issuer']`, action: 'after' },
    })
    return signed.getSignedXml()
  }
  /** The Response as XML. */
  const responseTo = ({ id }: Pick<Asked, 'id'>, answer: Answer): string => {
    const { signed = 'assertion', edited = same, tampered = same } = answer
    let xml = edited(response(id, answer))
    if (signed === 'assertion' || signed === 'both') xml = sign(xml, 'Assertion', answer)
    if (signed === 'response' || signed === 'both') xml = sign(xml, 'Response', answer)
    return tampered(xml)
  }
  return { certificate: own.cert, otherCertificate: other.cert, responseTo }
}

const same = (xml: string): string => xml
const more = 'http://www.w3.org/2001/04/xmldsig-more#'
const encryption = 'http://www.w3.org/2001/04/xmlenc#'
const enveloped = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature'
const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#'

/** Reads where the browser was sent. */
export const askedBy = (location: string): Asked => {
  const url = new URL(location)
  const xml = inflateRawSync(Buffer.from(url.searchParams.get('SAMLRequest') ?? '', 'base64')).toString()
  return { id: / ID="([^"]+)"/.exec(xml)?.[1] ?? '', xml, url }
}

const response = (id: string, answer: Answer): string => {
  const { status = 'Success', destination = consumerUrl, responseTo: to = id, issuer = entityId } = answer
  return `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="${newId()}" Version="2.0" IssueInstant="${at(0)}" Destination="${destination}"${attribute('InResponseTo', to)}><saml:Issuer>${issuer}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:${status}"/></samlp:Status>${status === 'Success' ? assertion(id, answer) : ''}</samlp:Response>`
}

const assertion = (id: string, answer: Answer): string => {
  const { issuer = entityId, validFrom = -60, validTo = 300, audience = serviceProvider, context = 'Password' } = answer
  const { signedIn = 0 } = answer
  return `<saml:Assertion ID="${newId()}" Version="2.0" IssueInstant="${at(0)}"><saml:Issuer>${issuer}</saml:Issuer>${subject(id, answer)}<saml:Conditions NotBefore="${at(validFrom)}" NotOnOrAfter="${at(validTo)}">${audience === null ? '' : `<saml:AudienceRestriction><saml:Audience>${audience}</saml:Audience></saml:AudienceRestriction>`}</saml:Conditions><saml:AuthnStatement AuthnInstant="${at(signedIn)}" SessionIndex="${newId()}"><saml:AuthnContext><saml:AuthnContextClassRef>${context}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>${named('urn:oid:0.9.2342.19200300.100.1.3', answer.email)}${named('displayName', answer.name)}${Object.entries(
    answer.attributes ?? {},
  )
    .map(([name, value]) => named(name, value))
    .join('')}</saml:AttributeStatement></saml:Assertion>`
}

const subject = (id: string, answer: Answer): string => {
  const { nameId, qualifiers = '', recipient = consumerUrl, confirmedTo = 300, inResponseTo = id } = answer
  const { format = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent' } = answer
  const { method = 'urn:oasis:names:tc:SAML:2.0:cm:bearer' } = answer
  const end = confirmedTo === null ? null : at(confirmedTo)
  return `<saml:Subject><saml:NameID Format="${format}"${qualifiers}>${nameId}</saml:NameID>${answer.subject ?? ''}<saml:SubjectConfirmation Method="${method}"><saml:SubjectConfirmationData Recipient="${recipient}"${attribute('NotOnOrAfter', end)}${attribute('InResponseTo', inResponseTo)}/></saml:SubjectConfirmation></saml:Subject>`
}

const named = (name: string, value: string | undefined): string =>
  value === undefined
    ? ''
    : `<saml:Attribute Name="${name}" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri"><saml:AttributeValue>${value}</saml:AttributeValue></saml:Attribute>`

const attribute = (name: string, value: string | null): string => (value === null ? '' : ` ${name}="${value}"`)
const newId = (): string => `_${randomBytes(16).toString('hex')}`
const at = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString()
