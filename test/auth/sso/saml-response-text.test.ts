import t from 'tap'
import { requirePlainResponse } from '../../../src/auth/sso/saml-response-text.ts'

const algorithm = (name: string, value: string) => `<ds:${name} Algorithm="${value}"/>`
const enveloped = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature'
const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#'
const sha256 = 'http://www.w3.org/2001/04/xmlenc#sha256'
const assertion = (id: string) => `<saml:Assertion ID="${id}"><saml:Issuer>idp</saml:Issuer></saml:Assertion>`
const responseOf = (content: string) =>
  `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" ID="_r">${content}</samlp:Response>`

t.test('a Response with one Assertion that is signed with a current algorithm is accepted', async t => {
  for (const signature of [
    'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
    'http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1',
  ])
    for (const digest of [sha256, 'http://www.w3.org/2001/04/xmlenc#sha512']) {
      const named = [
        algorithm('CanonicalizationMethod', exclusive),
        algorithm('SignatureMethod', signature),
        algorithm('Transform', enveloped),
        algorithm('Transform', exclusive),
        algorithm('DigestMethod', digest),
      ]
      t.doesNotThrow(() => requirePlainResponse(responseOf(assertion('_a') + named.join(''))), `${signature} ${digest}`)
    }
  t.doesNotThrow(() => requirePlainResponse(responseOf('')), 'also where it says no, without one')
})

const other = assertion('_a').replaceAll('saml:', 'other:').replace(' ID', ' xmlns:other="urn:other" ID')
const refused: readonly (readonly [what: string, xml: string, why: RegExp])[] = [
  ['two Assertions', responseOf(assertion('_a') + assertion('_b')), /several Assertions/],
  ['two, of which one is in another namespace', responseOf(assertion('_a') + other), /several Assertions/],
  ['an encrypted Assertion', responseOf('<saml:EncryptedAssertion/>'), /encrypted/],
  ['a Response within it', responseOf('<samlp:Response/>'), /another in it/],
  ['one ID twice', responseOf(assertion('_r')), /one ID twice/],
  ['one ID twice, spelled differently', responseOf(assertion('_a').replace('ID', 'Id').replace('_a', '_r')), /one ID/],
  ['a prefix without a namespace', responseOf('<none:Assertion/>'), /a mistake in its XML/],
  ['an attribute twice', responseOf('<saml:Advice a="1" a="2"/>'), /a mistake in its XML/],
  ['a missing end', responseOf('').slice(0, -4), /a mistake in its XML/],
  ['something after its end', `${responseOf('')}${responseOf('')}`, /a mistake in its XML/],
  ['a DOCTYPE', `<!DOCTYPE r>${responseOf('')}`, /a DOCTYPE/],
  ['a comment', responseOf('<!-- -->'), /a comment/],
  ['a processing instruction', responseOf('<?x?>'), /a processing instruction/],
  ['a CDATA section', responseOf('<![CDATA[a]]>'), /a CDATA section/],
  ['another root', '<Response xmlns="urn:oasis:names:tc:SAML:2.0:assertion"/>', /it is no Response/],
  ['a root of another name', responseOf('').replaceAll('samlp:Response', 'samlp:LogoutResponse'), /it is no Response/],
  ['SHA-1', responseOf(algorithm('SignatureMethod', 'http://www.w3.org/2000/09/xmldsig#rsa-sha1')), /SignatureMethod/],
  [
    'a signature with a shared secret',
    responseOf(algorithm('SignatureMethod', 'http://www.w3.org/2001/04/xmldsig-more#hmac-sha256')),
    /hmac/,
  ],
  ['no algorithm', responseOf('<ds:SignatureMethod/>'), /its SignatureMethod is $/],
  [
    'a digest by SHA-1',
    responseOf(algorithm('DigestMethod', 'http://www.w3.org/2000/09/xmldsig#sha1')),
    /DigestMethod/,
  ],
  ['its comments signed', responseOf(algorithm('CanonicalizationMethod', `${exclusive}WithComments`)), /Canonical/],
  ['an XSLT program', responseOf(algorithm('Transform', 'http://www.w3.org/TR/1999/REC-xslt-19991116')), /Transform/],
  ['SHA-1 under another name', responseOf('<saml:DigestMethod Algorithm="sha1"/>'), /its DigestMethod is sha1/],
]

for (const [what, xml, why] of refused)
  t.test(`a Response with ${what} is refused before its signature is checked`, async t => {
    t.throws(() => requirePlainResponse(xml), { message: why })
  })
