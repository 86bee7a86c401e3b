import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { codeOf, keyIn } from '../../support/authenticator.ts'
import { openInstitution } from './institution.ts'
import { openSamlInstitution } from './saml-institution.ts'

/** Somebody whose account requires two factors. */
const openWith = async (SSO_SECOND_FACTOR: string) => {
  const world = await openInstitution({ SSO_SECOND_FACTOR })
  const rita = await world.holder('rita')
  const user = { sub: 'rita-1', email: rita.email }
  await world.link(world.newBrowser(), rita, user)
  const { id: organization } = await world.fhir('POST', 'Organization', {
    resourceType: 'Organization',
    name: 'General',
  })
  const { id: practitioner } = await world.fhir('POST', 'Practitioner', { resourceType: 'Practitioner' })
  const reference = { reference: `Practitioner/${practitioner}` }
  await world.fhir('POST', 'PractitionerRole', {
    resourceType: 'PractitionerRole',
    practitioner: reference,
    organization: { reference: `Organization/${organization}` },
    code: [{ coding: [{ system: 'https://sharewell.dev/fhir/CodeSystem/organization-role', code: 'member' }] }],
  })
  await world.fhir('PUT', `Person/${rita.person}`, {
    ...(await world.personOf(rita.person)),
    link: [{ target: reference }],
  })
  await world.database.run(sql.fragment`UPDATE organization_node SET second_factor = TRUE WHERE id = ${organization}`)
  const comesIn = async (claims: object) => {
    const browser = world.newBrowser()
    const { location } = await world.arrive(browser, { ...user, ...claims }, '?continue=%2Faccount%2Fsessions')
    return { browser, location, as: await world.signedInAs(browser) }
  }
  return { ...world, ...rita, comesIn }
}

const asked = { location: '/second-factor?continue=%2Faccount%2Fsessions', as: undefined }
const in_ = { location: '/account/sessions', as: 'rita' }

t.test('the sign-in at the institution replaces the password, unless it is configured to be more', async t => {
  const { server, database, comesIn, signedInAs } = await openWith('none')
  t.teardown(() => server.close())
  for (const claims of [{ amr: ['pwd', 'mfa'] }, { acr: 'https://refeds.org/profile/mfa' }])
    t.match(await comesIn(claims), asked)
  const { browser, ...first } = await comesIn({})
  t.match(first, asked)
  const key = keyIn(await browser.get(asked.location))
  await browser.send('/second-factor', { code: await codeOf(key) })
  t.equal(await signedInAs(browser), 'rita', 'somebody without one sets one up')

  await database.run(sql.fragment`UPDATE organization_node SET second_factor = FALSE`)
  const { browser: another, ...later } = await comesIn({})
  t.match(later, asked, 'somebody with one is asked for it, even if nobody requires it')
  t.match(await another.send('/second-factor', { code: '123' }), { status: 422 })
  t.has(await another.send(asked.location, { code: await codeOf(key, 1) }), { location: '/account/sessions' })
  t.equal(await signedInAs(another), 'rita')

  await database.run(sql.fragment`UPDATE user_account SET authenticator = NULL`)
  t.match(await comesIn({}), in_, 'it suffices if there is none and nobody requires one')
})

t.test('if the provider is expected to tell, it counts as two factors when it says so', async t => {
  const { server, database, person, comesIn } = await openWith('told')
  t.teardown(() => server.close())
  t.match(await comesIn({ amr: ['pwd', 'mfa'] }), in_)
  t.match(await comesIn({ acr: 'https://refeds.org/profile/mfa' }), in_)
  for (const claims of [{}, { amr: 'mfa' }, { amr: ['pwd'] }, { acr: '1' }]) t.match(await comesIn(claims), asked)
  await database.run(sql.fragment`UPDATE user_account SET authenticator = 'sealed' WHERE person = ${person}`)
  t.match(await comesIn({ amr: ['pwd', 'mfa'] }), in_, 'even for somebody with one of their own')
  t.match(await comesIn({}), asked)
})

t.test('a provider that speaks SAML tells it with the context of its sign-in', async t => {
  const { server, database, holder, newBrowser, arrive, confirm } = await openSamlInstitution({
    SSO_SECOND_FACTOR: 'told',
  })
  t.teardown(() => server.close())
  const sven = await holder('sven')
  const browser = newBrowser()
  await confirm(browser, sven, (await arrive(browser, { nameId: 's-1', email: sven.email })).at)
  await database.run(sql.fragment`UPDATE user_account SET authenticator = 'sealed' WHERE person = ${sven.person}`)
  t.match(await arrive(newBrowser(), { nameId: 's-1' }), { location: '/second-factor?continue=%2Faccount' })
  for (const context of ['https://refeds.org/profile/mfa', 'http://schemas.microsoft.com/claims/multipleauthn'])
    t.has(await arrive(newBrowser(), { nameId: 's-1', context }), { location: '/account' }, context)
  const methods = 'http://schemas.microsoft.com/claims/authnmethodsreferences'
  const told = (value: string) => arrive(newBrowser(), { nameId: 's-1', attributes: { [methods]: value } })
  t.has(await told('http://schemas.microsoft.com/claims/multipleauthn'), { location: '/account' }, 'or by its methods')
  t.match(await told('http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password'), {
    location: '/second-factor?continue=%2Faccount',
  })
})

t.test('if it always asks for two factors, it counts as two', async t => {
  const { server, comesIn } = await openWith('always')
  t.teardown(() => server.close())
  t.match(await comesIn({}), in_)
})
