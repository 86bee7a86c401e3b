/** https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf, 5.4: how a Response may be signed. */

import { SaxesParser, type SaxesTagNS } from 'saxes'

/**
 * Throws for XML that two parsers could read differently, and for kinds of signatures that are not trusted. So before a signature is verified,
 * it is certain that there is one Response with at most one Assertion, and nothing that hides another.
 */
export const requirePlainResponse = (xml: string): void => {
  const parser = new SaxesParser({ xmlns: true })
  const found: SaxesTagNS[] = []
  const refuse = (what: string) => () => {
    throw new Error(`the Response has ${what}`)
  }
  parser.on('error', () => refuse('a mistake in its XML')())
  parser.on('doctype', refuse('a DOCTYPE'))
  parser.on('comment', refuse('a comment'))
  parser.on('processinginstruction', refuse('a processing instruction'))
  parser.on('cdata', refuse('a CDATA section'))
  parser.on('opentag', tag => {
    found.push(tag)
  })
  parser.write(xml).close()
  requireOneOfEach(found)
  for (const tag of found) requireTrusted(tag)
}

const requireOneOfEach = (found: readonly SaxesTagNS[]): void => {
  const [root] = found
  if (root?.local !== 'Response' || root.uri !== protocol) throw new Error('it is no Response')
  const count = (name: string) => found.filter(({ local }) => local === name).length
  if (count('Assertion') > 1) throw new Error('the Response has several Assertions')
  if (count('EncryptedAssertion') > 0) throw new Error('the Assertion is encrypted, and there is no key for that')
  if (count('Response') !== 1) throw new Error('the Response has another in it')
  const ids = found.flatMap(({ attributes }) =>
    Object.values(attributes).flatMap(({ local, value }) => (local.toLowerCase() === 'id' ? [value] : [])),
  )
  if (new Set(ids).size < ids.length) throw new Error('the Response has one ID twice')
}

/** By the local name alone, which is how the library finds them. */
const requireTrusted = ({ local, attributes }: SaxesTagNS): void => {
  const { value = '' } = attributes.Algorithm ?? {}
  if (algorithms.get(local)?.includes(value) === false) throw new Error(`its ${local} is ${value}`)
}

const protocol = 'urn:oasis:names:tc:SAML:2.0:protocol'
const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#'

/** SHA-1 is broken for signatures. */
const algorithms: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'SignatureMethod',
    [
      'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
      'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
      'http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1',
    ],
  ],
  ['DigestMethod', ['http://www.w3.org/2001/04/xmlenc#sha256', 'http://www.w3.org/2001/04/xmlenc#sha512']],
  ['CanonicalizationMethod', [exclusive]],
  ['Transform', ['http://www.w3.org/2000/09/xmldsig#enveloped-signature', exclusive]],
])
