/** https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf, 4.1.4.3: what a service provider must verify. */

type Expected = {
  /** entityID of the identity provider. */
  readonly issuer: string
  /** Our own entityID. */
  readonly entityId: string
  readonly consumerUrl: string
}

export type SamlAssertion = {
  readonly subject: string
  /** The signed ID of the request that it answers. */
  readonly inResponseTo: string
  readonly signedInAt: Date
  readonly contexts: readonly string[]
}

/**
 * Reads an assertion whose signature the library has verified, and which it has parsed: elements are lists by local name, `_` is the text and
 * `$` the attributes. Throws if it is not from the provider, for us, about one person with a permanent name, or not for a sign-in.
 */
export const readAssertion = (parsed: unknown, { issuer, entityId, consumerUrl }: Expected): SamlAssertion => {
  const assertion = Object(Object(parsed).Assertion) as Element
  if (textOf(one(assertion, 'Issuer')) !== issuer) throw new Error('the Issuer is another')
  const subject = one(assertion, 'Subject')
  const name = one(subject, 'NameID')
  if (name.$?.Format !== persistent) throw new Error('the NameID is not persistent')
  if (!isOurs(name.$.NameQualifier, issuer) || !isOurs(name.$.SPNameQualifier, entityId))
    throw new Error('the NameID is qualified for others')
  const confirmed = listOf(subject, 'SubjectConfirmation').filter(({ $ }) => $?.Method === bearer)
  const [confirmation, ...others] = confirmed.map(of => one(of, 'SubjectConfirmationData').$ ?? {})
  if (confirmation === undefined || others.length > 0) throw new Error('there is not one SubjectConfirmation by bearer')
  const { Recipient: recipient, NotOnOrAfter: end = '', InResponseTo: inResponseTo } = confirmation
  if (recipient !== consumerUrl) throw new Error('the Recipient is another')
  if (!(Date.parse(end) > Date.now() - clockSkewMs)) throw new Error('the SubjectConfirmation is over, or has no end')
  if (inResponseTo === undefined) throw new Error('the InResponseTo is absent: nobody here has asked')
  const statement = one(assertion, 'AuthnStatement')
  const signedInAt = new Date(statement.$?.AuthnInstant ?? '')
  if (Number.isNaN(signedInAt.getTime())) throw new Error('the AuthnInstant is no time')
  if (hasEnded(statement)) throw new Error('the session at the provider is over')
  const contexts = listOf(one(statement, 'AuthnContext'), 'AuthnContextClassRef').map(textOf)
  return { subject: nameOf(name), inResponseTo, signedInAt, contexts }
}

export const clockSkewMs = 60_000

type Element = {
  readonly _?: string
  readonly $?: Readonly<Record<string, string>>
  readonly [name: string]: unknown
}

/** It may only contain text: an element within it would be dropped. */
const nameOf = (name: Element): string => {
  const text = textOf(name)
  const isAlone = Object.keys(name).every(key => key === '_' || key === '$')
  if (!isAlone || text === '' || text.trim() !== text || text.length > 256) throw new Error('the NameID is no name')
  return text
}

/** "MUST be considered ended" then: https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf, 2.7.2. */
const hasEnded = ({ $ }: Element): boolean =>
  $?.SessionNotOnOrAfter !== undefined && !(Date.parse($.SessionNotOnOrAfter) > Date.now() - clockSkewMs)

const isOurs = (qualifier: string | undefined, own: string): boolean => qualifier === undefined || qualifier === own

const textOf = ({ _ = '' }: Element): string => _

const listOf = (element: Element, name: string): readonly Element[] => {
  const value = element[name]
  return Array.isArray(value)
    ? value.map(each => (typeof each === 'string' ? { _: each } : (Object(each) as Element)))
    : []
}

const one = (element: Element, name: string): Element => {
  const [first, ...others] = listOf(element, name)
  if (first === undefined || others.length > 0) throw new Error(`there is not one ${name}`)
  return first
}

const bearer = 'urn:oasis:names:tc:SAML:2.0:cm:bearer'
export const persistent = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'
