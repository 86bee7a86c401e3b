import t from 'tap'
import { persistent, readAssertion } from '../../../src/auth/sso/saml-assertion.ts'

const expected = {
  issuer: 'https://idp.example.org/saml',
  entityId: 'https://sharewell.example.org/sso/metadata',
  consumerUrl: 'https://sharewell.example.org/sso/acs',
}
const at = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString()
const bearer = 'urn:oasis:names:tc:SAML:2.0:cm:bearer'
const data = { Recipient: expected.consumerUrl, NotOnOrAfter: at(300), InResponseTo: '_asked' }
const confirmed = (otherwise: object = {}, method = bearer) => ({
  $: { Method: method },
  SubjectConfirmationData: [{ $: { ...data, ...otherwise } }],
})
const named = (text: string, otherwise: object = {}) => ({ _: text, $: { Format: persistent, ...otherwise } })
const statement = {
  $: { AuthnInstant: '2026-11-01T08:00:00Z' },
  AuthnContext: [{ AuthnContextClassRef: ['https://refeds.org/profile/mfa', { _: 'two', $: {} }] }],
}
const subject = { NameID: [named('a7f3')], SubjectConfirmation: [confirmed()] }
const right = { Issuer: [{ _: expected.issuer }], Subject: [subject], AuthnStatement: [statement] }
const read = (otherwise: object) => readAssertion({ Assertion: { ...right, ...otherwise } }, expected)
const ofSubject = (otherwise: object) => ({ Subject: [{ ...subject, ...otherwise }] })
const ofName = (name: object) => ofSubject({ NameID: [name] })
const ofStatement = (more: object) => ({ AuthnStatement: [{ ...statement, $: { ...statement.$, ...more } }] })
const ofConfirmation = (otherwise: object) => ofSubject({ SubjectConfirmation: [confirmed(otherwise)] })

t.test('who signed in, when, how, and for which request is read from an assertion for us', async t => {
  t.strictSame(read({}), {
    subject: 'a7f3',
    inResponseTo: '_asked',
    signedInAt: new Date('2026-11-01T08:00:00Z'),
    contexts: ['https://refeds.org/profile/mfa', 'two'],
  })
  const qualifiers = { NameQualifier: expected.issuer, SPNameQualifier: expected.entityId }
  t.match(read(ofName(named('n'.repeat(256), qualifiers))), { subject: /^n{256}$/ })
  const other = confirmed({}, 'urn:oasis:names:tc:SAML:2.0:cm:holder-of-key')
  t.match(read(ofSubject({ SubjectConfirmation: [other, confirmed()] })), { subject: 'a7f3' })
  t.match(read(ofStatement({ SessionNotOnOrAfter: at(-30) })), { subject: 'a7f3' })
  t.match(read(ofConfirmation({ NotOnOrAfter: at(-30) })), { subject: 'a7f3' }, 'a clock may be wrong by a minute')
})

const refused: readonly (readonly [what: string, otherwise: object, why: RegExp])[] = [
  ['of another provider', { Issuer: [{ _: 'https://evil.example.org' }] }, /the Issuer is another/],
  ['of two providers', { Issuer: [{ _: expected.issuer }, { _: 'x' }] }, /not one Issuer/],
  ['without a Subject', { Subject: [] }, /not one Subject/],
  ['with two Subjects', { Subject: [subject, subject] }, /not one Subject/],
  ['with two names', ofSubject({ NameID: [named('a'), named('b')] }), /not one NameID/],
  ['with a transient name', ofName(named('a', { Format: 'transient' })), /not persistent/],
  ['with a name without a format', ofName({ _: 'a' }), /not persistent/],
  ['with a name that another provider gave', ofName(named('a', { NameQualifier: 'x' })), /for others/],
  ['with a name for another service', ofName(named('a', { SPNameQualifier: 'x' })), /for others/],
  ['with an empty name', ofName(named('')), /no name/],
  ['with a blank behind the name', ofName(named('a ')), /no name/],
  ['with an element in the name', ofName({ ...named('a'), Audience: ['x'] }), /no name/],
  ['with a name that is too long', ofName(named('n'.repeat(257))), /no name/],
  ['that nothing confirms', ofSubject({ SubjectConfirmation: [] }), /not one SubjectConfirmation/],
  ['confirmed by a key', ofSubject({ SubjectConfirmation: [confirmed({}, 'x')] }), /not one SubjectConfirmation/],
  ['confirmed twice', ofSubject({ SubjectConfirmation: [confirmed(), confirmed()] }), /not one SubjectConfirmation/],
  ['for another recipient', ofConfirmation({ Recipient: 'https://other.example.org' }), /Recipient/],
  ['for nobody in particular', ofConfirmation({ Recipient: undefined }), /Recipient/],
  ['that has expired', ofConfirmation({ NotOnOrAfter: at(-61) }), /over/],
  ['that never expires', ofConfirmation({ NotOnOrAfter: undefined }), /over/],
  ['that answers nothing', ofConfirmation({ InResponseTo: undefined }), /InResponseTo/],
  ['without a sign-in', { AuthnStatement: [] }, /not one AuthnStatement/],
  ['with two sign-ins', { AuthnStatement: [statement, statement] }, /not one AuthnStatement/],
  ['whose session at the provider is over', ofStatement({ SessionNotOnOrAfter: at(-61) }), /session .* is over/],
  ['whose session at the provider ends at no time', ofStatement({ SessionNotOnOrAfter: 'never' }), /is over/],
  ['whose sign-in has no time', { AuthnStatement: [{ ...statement, $: {} }] }, /AuthnInstant/],
]

for (const [what, otherwise, why] of refused)
  t.test(`an assertion ${what} is refused`, async t => {
    t.throws(() => read(otherwise), { message: why })
  })
