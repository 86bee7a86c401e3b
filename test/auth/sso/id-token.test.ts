import { exportJWK, generateKeyPair, generateSecret, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose'
import t from 'tap'
import { verifyIdToken } from '../../../src/auth/sso/id-token.ts'

const own = await generateKeyPair('RS256')
const keys = [{ ...(await exportJWK(own.publicKey)), kid: 'idp', alg: 'RS256', use: 'sig' }]
const expected = {
  issuer: 'https://idp.example.org',
  clientId: 'sharewell',
  nonce: 'of-this-request',
  keySets: { find: async () => keys },
  keySetUrl: 'https://idp.example.org/keys',
}
const seconds = Math.floor(Date.now() / 1000)
const right: JWTPayload = {
  iss: expected.issuer,
  aud: expected.clientId,
  sub: 'ana-1',
  nonce: expected.nonce,
  iat: seconds,
  exp: seconds + 300,
}
/** Undefined leaves one out. */
type Claims = Readonly<Record<string, unknown>>
type Key = Parameters<SignJWT['sign']>[0]
const verified = async (
  otherwise: Claims,
  { alg = 'RS256', key = own.privateKey }: Partial<JWTHeaderParameters> & { readonly key?: Key } = {},
) =>
  verifyIdToken(
    await new SignJWT({ ...right, ...otherwise }).setProtectedHeader({ alg, kid: 'idp' }).sign(key),
    expected,
  )

t.test('what a provider says about its user counts if it is for us, now, and for this request', async t => {
  t.strictSame(await verified({ email: 'ana@example.org' }), { ...right, email: 'ana@example.org' })
  t.match(await verified({ aud: [expected.clientId, 'other'], azp: expected.clientId }), { sub: 'ana-1' })
  t.match(await verified({ aud: [expected.clientId] }), { sub: 'ana-1' })
  t.match(await verified({ sub: 's'.repeat(255) }), { sub: /^s+$/ }, 'with as many letters as a sub may have')
  t.match(await verified({ exp: seconds - 30 }), { sub: 'ana-1' }, 'a clock may be wrong by a minute')
})

const refused: readonly (readonly [what: string, otherwise: Claims, why: RegExp])[] = [
  ['is of another issuer', { iss: 'https://evil.example.org' }, /iss/],
  ['is for another audience', { aud: 'other' }, /aud/],
  ['was issued to another client, although the server is its audience', { azp: 'other' }, /another client/],
  ['was issued to another of several', { aud: [expected.clientId, 'other'], azp: 'other' }, /another client/],
  ['is for several, and does not say to whom it was issued', { aud: [expected.clientId, 'other'] }, /another client/],
  ['answers another request', { nonce: 'of-another' }, /nonce/],
  ['answers no request', { nonce: undefined }, /nonce/],
  ['has expired', { iat: seconds - 400, exp: seconds - 100 }, /exp/],
  ['is not valid yet', { nbf: seconds + 100 }, /nbf/],
  ['never expires', { exp: undefined }, /exp/],
  ['does not say when it was made', { iat: undefined }, /iat/],
  ['has no sub', { sub: undefined }, /sub/],
  ['has a blank as its sub', { sub: ' ' }, /sub is no name/],
  ['has a sub that is too long', { sub: 's'.repeat(256) }, /sub is no name/],
  ['has a number as its sub', { sub: 7 }, /sub is no name/],
]

for (const [what, otherwise, why] of refused)
  t.test(`an id_token that ${what} is refused`, async t => {
    await t.rejects(verified(otherwise), { message: why })
  })

t.test('it must be signed with the provider’s key, in a way that only its holder can', async t => {
  await t.rejects(verified({}, { key: (await generateKeyPair('RS256')).privateKey }), { message: /signature/ })
  await t.rejects(verified({}, { alg: 'HS256', key: await generateSecret('HS256') }), { message: /alg/i })
  for (const alg of ['PS256', 'RS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']) {
    const { privateKey, publicKey } = await generateKeyPair(alg)
    const of = { ...expected, keySets: { find: async () => [{ ...(await exportJWK(publicKey)), kid: 'idp', alg }] } }
    const token = await new SignJWT(right).setProtectedHeader({ alg, kid: 'idp' }).sign(privateKey)
    t.match(await verifyIdToken(token, of as typeof expected), { sub: 'ana-1' }, alg)
  }
})
