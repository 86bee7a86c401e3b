import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { wordsOf } from '../../support/browser.ts'
import { whileGoneAt } from '../../support/while-gone.ts'
import { type Answer, askedBy, entityId } from './mock-idp.ts'
import { openSamlInstitution } from './saml-institution.ts'

const world = await openSamlInstitution()
const { server, idp, newBrowser } = world
t.teardown(() => server.close())

const ana: Answer = { nameId: 'a7f3', email: 'Ana@riverside.example', name: 'Ana Castillo' }

t.test('the provider is asked for a persistent name, with an AuthnRequest of ours', async t => {
  const browser = newBrowser()
  t.match((await browser.get('/sign-in')).body, /<a class="btn btn-primary" href="\/sso">Sign in with Riverside<\/a>/)
  const { location = '', headers } = await browser.get('/sso')
  const { url, xml, id } = askedBy(location)
  t.equal(`${url.origin}${url.pathname}`, 'https://idp.riverside.example/saml/sso')
  t.same([...url.searchParams.keys()], ['tenant', 'SAMLRequest'])
  t.match(id, /^_[\w-]{43}$/)
  for (const part of [
    'AssertionConsumerServiceURL="http://localhost:8080/sso/acs"',
    'Destination="https://idp.riverside.example/saml/sso?tenant=1"',
    '>http://localhost:8080/sso/metadata</saml:Issuer>',
    'Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"',
  ])
    t.ok(xml.includes(part), part)
  t.notMatch(xml, /ForceAuthn/)
  t.match(headers['set-cookie'], /^sharewell-sso=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/)
  t.match((await world.begin(browser, '?prompt=login')).xml, /ForceAuthn="true"/)
})

t.test('what providers need to know about us is at one address', async t => {
  const { statusCode, headers, body } = await server.inject({ url: '/sso/metadata' })
  t.equal(statusCode, 200)
  t.match(headers['content-type'], /^application\/samlmetadata\+xml/)
  t.match(body, /entityID="http:\/\/localhost:8080\/sso\/metadata"/)
  t.match(body, /WantAssertionsSigned="true"/)
  t.match(body, /Binding="[^"]*HTTP-POST" Location="http:\/\/localhost:8080\/sso\/acs"/)
})

t.test('somebody without an account makes one, and signs in with the institution from then on', async t => {
  const browser = newBrowser()
  const first = await world.arrive(browser, ana, '?continue=%2Faccount%2Fsessions')
  t.match(wordsOf(first), /Create your account.*address here is ana@riverside\.example/)
  t.match(first.body, /value="Ana Castillo"/)
  t.has(await browser.send(first.at, { name: 'Ana' }, `${first.at}/account`), { location: '/account/sessions' })
  const later = newBrowser()
  t.has(await world.arrive(later, { nameId: 'a7f3' }), { status: 303, location: '/account' })
  t.equal(await world.signedInAs(later), 'Ana')
  const { entry } = await world.fhir('GET', 'Person?name=Ana')
  t.same(entry[0].resource.identifier, [{ system: entityId, value: 'a7f3' }])
  t.has(
    await world.arrive(newBrowser(), { ...ana, signed: 'both' }),
    { location: '/account' },
    'signed as a whole, too',
  )
})

t.test('an address alone opens no account, and an address from elsewhere does not count', async t => {
  const ben = await world.holder('ben')
  const browser = newBrowser()
  const { at, ...first } = await world.arrive(browser, { nameId: 'b-1', email: ben.email })
  t.match(wordsOf(first), /Sign in once more, here/)
  t.match(await world.confirm(browser, ben, at), { status: 303, location: '/account?done=linked' })
  const later = newBrowser()
  await world.arrive(later, { nameId: 'b-1' })
  t.equal(await world.signedInAs(later), 'ben')
  t.match(await world.arrive(newBrowser(), { nameId: 'b-2', email: ben.email }), {
    status: 403,
    body: /somebody else’s/,
  })
  for (const email of ['ben@elsewhere.example', undefined])
    t.match(await world.arrive(newBrowser(), { nameId: 'b-3', ...(email === undefined ? {} : { email }) }), {
      status: 403,
      body: /do not know whose account/,
    })
})

t.test('the address and the name are read from the attributes that institutions send today', async t => {
  const claims = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims'
  const email = 'zoe@riverside.example'
  const arrive = (attributes: Readonly<Record<string, string>>) =>
    world.arrive(newBrowser(), { nameId: 'z-1', attributes })
  for (const name of ['urn:oid:1.2.840.113549.1.9.1', `${claims}/emailaddress`, 'mail', 'email'])
    t.match(wordsOf(await arrive({ [name]: email })), /address here is zoe@riverside\.example/, name)
  const microsoft = 'http://schemas.microsoft.com/identity/claims/displayname'
  for (const name of ['urn:oid:2.16.840.1.113730.3.1.241', microsoft, 'name'])
    t.match((await arrive({ mail: email, [name]: 'Zoe Chen' })).body, /value="Zoe Chen"/, name)
  t.match(await arrive({ [`${claims}/name`]: email }), { status: 403 }, 'and from no other')
})

t.test('RelayState leads nowhere: the sign-in continues to where it was begun for', async t => {
  const browser = newBrowser()
  const asked = await world.begin(browser, '?continue=%2Faccount%2Fapps')
  const { location = '' } = await world.post(idp.responseTo(asked, ana), { RelayState: 'https://evil.example/' })
  t.has(await browser.get(location), { status: 303, location: '/account/apps' })
})

t.test('an arrival is found only in the browser that was sent out, whoever posts the answer', async t => {
  const [attacker, victim] = [newBrowser(), newBrowser()]
  await victim.get('/sso')
  const xml = idp.responseTo(await world.begin(attacker), ana)
  const { location = '' } = await victim.post('/sso/acs', { SAMLResponse: Buffer.from(xml).toString('base64') })
  t.match(await victim.get(location), { status: 410, body: /This sign-in is over/ })
  t.equal(victim.cookies.get('sharewell-session'), undefined)
})

t.test('an answer that was answered 503 signs in when it is sent again', async t => {
  const browser = newBrowser()
  const xml = idp.responseTo(await world.begin(browser), ana)
  t.match(await whileGoneAt(world.database, 'sso_arrival', () => world.post(xml)), { status: 503 })
  t.has(await world.arrival(browser, await world.post(xml)), { status: 303, location: '/account' })
})

t.test('an answer is valid once, even if used many times at once', async t => {
  const xml = idp.responseTo(await world.begin(newBrowser()), ana)
  const answers = await Promise.all([1, 2, 3, 4, 5].map(() => world.post(xml)))
  t.same(answers.map(({ status }) => status).sort(), [303, 400, 400, 400, 400])
  t.match(await world.post(xml), { status: 400, body: /This sign-in is over/ })
})

t.test('an answer is valid for ten minutes, and the arrival for half an hour', async t => {
  const browser = newBrowser()
  const slow: Answer = { nameId: 's-1', email: 'slow@riverside.example' }
  const [intime, late] = [await world.begin(browser), await world.begin(browser)]
  const older = (table: 'sso_request' | 'sso_arrival', time: string) =>
    world.database.run(sql.fragment`UPDATE ${sql.identifier([table])} SET expires_at = expires_at - ${time}::interval`)
  await older('sso_request', '9 minutes 50 seconds')
  const { location = '' } = await world.post(idp.responseTo(intime, slow))
  t.match(location, /^\/sso\/arrivals\/[\w-]{43}$/)
  await older('sso_request', '10 seconds')
  t.match(await world.post(idp.responseTo(late, slow)), { status: 400, body: /This sign-in is over/ })
  await older('sso_arrival', '29 minutes 50 seconds')
  const created = await browser.get(location)
  t.match([created.status, wordsOf(created)], [200, /Create your account .* You have half an hour for this/])
  await older('sso_arrival', '10 seconds')
  const seen = await browser.get(location)
  t.match([seen.status, wordsOf(seen)], [410, /This sign-in is over/])
  t.notMatch(wordsOf(seen), /What you entered/)
  const _csrf = /name="_csrf" value="([^"]*)"/.exec(created.body)?.[1] ?? ''
  const sent = await browser.post(`${location}/account`, { _csrf, name: 'Slow Joe' })
  t.match([sent.status, wordsOf(sent)], [410, /This sign-in is over .* What you entered, to copy it Slow Joe/])
})

t.test('an assertion does not answer a second request, in whatever Response it is', async t => {
  const browser = newBrowser()
  const [first, second] = [await world.begin(browser), await world.begin(browser)]
  const xml = idp.responseTo(first, ana)
  const moved = xml.replace(`InResponseTo="${first.id}"`, `InResponseTo="${second.id}"`)
  t.match(await world.post(moved), { status: 502 })
  t.match(await world.post(xml), { status: 303 })
  t.match(await world.post(moved), { status: 502 })
})

t.test('somebody who had to sign in again, but signed in earlier, is not signed in', async t => {
  const browser = newBrowser()
  const earlier = { ...ana, signedIn: -600 }
  const asked = await world.begin(browser, '?prompt=login')
  t.match(await world.post(idp.responseTo(asked, earlier)), {
    status: 403,
    location: undefined,
    body: /Riverside did not ask you again/,
  })
  t.match(await world.post(idp.responseTo(asked, ana)), { status: 303 })
  t.match(await world.answer(browser, earlier), { status: 303 }, 'if that was not required it does not matter')
})

t.test('a refusal by the provider is accepted', async t => {
  t.match(await world.answer(newBrowser(), { ...ana, status: 'Responder', signed: 'neither' }), {
    status: 403,
    body: /Riverside said no/,
  })
})

const rsaSha1 = 'http://www.w3.org/2000/09/xmldsig#rsa-sha1'
const sha1 = 'http://www.w3.org/2000/09/xmldsig#sha1'
const withComments = 'http://www.w3.org/2001/10/xml-exc-c14n#WithComments'
const formats = 'urn:oasis:names:tc:SAML:1.1:nameid-format:'
const inName = (text: string) => (xml: string) => xml.replace('>a7f3<', `>${text}<`)
const signatureIn = /<ds:Signature[\s\S]*<\/ds:Signature>/
const assertionIn = /<saml:Assertion [\s\S]*<\/saml:Assertion>/
/** The assertion as it was signed, and one of somebody else that nobody has signed. */
const both = (xml: string) => {
  const [signed = ''] = assertionIn.exec(xml) ?? []
  const forged = signed.replace(signatureIn, '').replace('>a7f3<', '>victim<')
  const outside = (assertions: string) => xml.replace(assertionIn, () => assertions)
  return { signed, forged, outside, other: forged.replace(/ ID="[^"]*"/, ' ID="_forged"') }
}

const refusedAnswers: readonly (readonly [string, Partial<Answer>])[] = [
  ['is not signed', { signed: 'neither' }],
  ['is only signed as part of the whole Response', { signed: 'response' }],
  ['is signed by somebody else, and contains their certificate', { by: 'another' }],
  ['is signed with SHA-1', { algorithms: { signature: rsaSha1 } }],
  ['is hashed with SHA-1', { algorithms: { digest: sha1 } }],
  ['is signed with its comments', { algorithms: { canonical: withComments } }],
  ['names another after it was signed', { tampered: inName('victim') }],
  ['has another address after it was signed', { tampered: xml => xml.replace('Ana@', 'ben@') }],
  [
    'lasts longer than when it was signed',
    { tampered: xml => xml.replace(/NotOnOrAfter="\d{4}/g, 'NotOnOrAfter="2999') },
  ],
  ['has lost its signature', { tampered: xml => xml.replace(signatureIn, '') }],
  ['has a forged assertion before it', { tampered: xml => both(xml).outside(both(xml).other + both(xml).signed) }],
  ['has a forged assertion behind it', { tampered: xml => both(xml).outside(both(xml).signed + both(xml).other) }],
  [
    'has a forged assertion with the same ID',
    { tampered: xml => both(xml).outside(both(xml).forged + both(xml).signed) },
  ],
  [
    'is wrapped by a forged assertion',
    {
      tampered: xml => {
        const { other, signed, outside } = both(xml)
        return outside(other.replace('<saml:Subject>', `<saml:Advice>${signed}</saml:Advice><saml:Subject>`))
      },
    },
  ],
  [
    'is an object of the signature of a forged one',
    {
      tampered: xml => {
        const { forged, signed, outside } = both(xml)
        const [signature = ''] = signatureIn.exec(signed) ?? []
        const object = `<ds:Object>${signed.replace(signatureIn, '')}</ds:Object></ds:Signature>`
        return outside(
          forged.replace('</saml:Issuer>', `</saml:Issuer>${signature.replace('</ds:Signature>', object)}`),
        )
      },
    },
  ],
  [
    'is in a Response within another',
    { tampered: xml => xml.replace('<samlp:Status>', `<samlp:Extensions>${xml}</samlp:Extensions><samlp:Status>`) },
  ],
  [
    'lends its signature to a forged one',
    { tampered: xml => both(xml).outside(inName('victim')(both(xml).signed).replace(/ ID="[^"]*"/, ' ID="_forged"')) },
  ],
  ['has a comment in the name when it is signed', { nameId: 'victim<!-- -->.evil' }],
  ['has a comment in the name after it was signed', { tampered: inName('a7<!-- -->f3') }],
  ['has a processing instruction in the name', { tampered: inName('a7<?x?>f3') }],
  ['has a CDATA section in the name', { tampered: inName('<![CDATA[a7f3]]>') }],
  ['has an element in the name', { nameId: 'victim<saml:Audience>x</saml:Audience>' }],
  ['has a DOCTYPE', { tampered: xml => `<!DOCTYPE samlp:Response>${xml}` }],
  [
    'has an entity for a name',
    { tampered: xml => `<!DOCTYPE r [<!ENTITY who SYSTEM "file:///etc/passwd">]>${inName('&who;')(xml)}` },
  ],
  [
    'has entities that expand to ever more text',
    { tampered: xml => `<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>${inName('&b;')(xml)}` },
  ],
  ['has expired', { validFrom: -900, validTo: -600 }],
  ['is not valid yet', { validFrom: 600, validTo: 900 }],
  ['has a confirmation that has expired', { confirmedTo: -600 }],
  ['has a confirmation that never expires', { confirmedTo: null }],
  ['is for another audience', { audience: 'https://other.example' }],
  ['is for no audience', { audience: null }],
  ['is for another recipient', { recipient: 'https://other.example/sso/acs' }],
  ['is of another provider', { issuer: 'https://evil.example' }],
  ['answers a request that was not made, in a Response to one that was', { inResponseTo: '_other' }],
  ['answers no request, in a Response to one', { inResponseTo: null }],
  ['is confirmed by a key', { method: 'urn:oasis:names:tc:SAML:2.0:cm:holder-of-key' }],
  ['has a transient name', { format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient' }],
  ['has an e-mail address as its name', { format: `${formats}emailAddress`, nameId: 'ana@riverside.example' }],
  ['has a name without a format', { format: `${formats}unspecified` }],
  ['has a name that another provider gave', { qualifiers: ' NameQualifier="https://evil.example"' }],
  ['has a name that was given to another service', { qualifiers: ' SPNameQualifier="https://other.example"' }],
  ['has an empty name', { nameId: '' }],
  ['has a name between blanks', { nameId: ' a7f3' }],
  ['has two names', { subject: '<saml:NameID>victim</saml:NameID>' }],
  ['does not say when they signed in', { edited: xml => xml.replace(/ AuthnInstant="[^"]*"/, '') }],
  ['is half', { tampered: xml => xml.slice(0, xml.length / 2) }],
  ['is nothing', { tampered: () => '' }],
  ['is a page', { tampered: () => '<html></html>' }],
]

for (const [what, said] of refusedAnswers)
  t.test(`nobody is signed in by an answer that ${what}, and it ends no request`, async t => {
    const browser = newBrowser()
    const asked = await world.begin(browser)
    t.match(await world.post(idp.responseTo(asked, { ...ana, ...said })), {
      status: 502,
      location: undefined,
      body: /could not make sure who you are/,
    })
    t.match(await world.post(idp.responseTo(asked, ana)), { status: 303 })
  })

t.test('an answer that nobody asked for signs nobody in', async t => {
  t.match(await world.post(idp.responseTo({ id: '_never' }, ana)), { status: 400, body: /This sign-in is over/ })
  const unasked = { ...ana, inResponseTo: null, responseTo: null }
  t.match(await world.post(idp.responseTo({ id: '_never' }, unasked)), { status: 502 })
})

t.test('an answer that is too long is not read', async t => {
  t.match(await world.post('x'.repeat(300_000)), { status: 413 })
})
