import type { Patient } from '@medplum/fhirtypes'
import t from 'tap'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { openPeople } from '../people.ts'

const world = await openPeople()
const { server, create, newAccount, signedIn } = world
t.teardown(world.close)

const lab = await world.institution('lab')
const clinic = await world.institution('clinic')
const registered = async ({ organization, manager }: typeof lab, more: Partial<Patient>) =>
  (
    await create(manager, {
      resourceType: 'Patient',
      name: [{ text: 'Ana Ribeiro' }],
      managingOrganization: { reference: `Organization/${organization}` },
      ...more,
    })
  ).id

const page = '/account/contacts'
const mainOf = (words: string) => words.slice(words.indexOf('Where studies write to you'))

t.test('a patient sees where studies write to them, and is led there from their account', async t => {
  const ana = await registered(lab, {
    telecom: [
      { system: 'email', use: 'old', value: 'former@example.org' },
      { system: 'email', value: 'ana.record@example.org' },
      { system: 'phone', use: 'home', value: '555' },
      { system: 'phone', use: 'mobile', value: '+15005550006' },
    ],
    address: [
      { use: 'old', text: 'Before 1' },
      { line: ['Main Street 5', 'Flat <2>'], postalCode: '12345', city: 'Springfield', country: 'US' },
    ],
  })
  const own = await signedIn((await newAccount('ana', [`Patient/${ana}`])).email)
  t.match((await own.get('/account')).body, `<a href="${page}">See where studies write to you</a>`)
  const shown = await own.get(page)
  t.match(
    mainOf(wordsOf(shown)),
    /^Where studies write to you An organization .* Record at lab E-mail address ana\.record@example\.org Mobile number \+1 500 555 0006 Postal address Main Street 5 Flat &lt;2&gt; 12345 Springfield US Change You sign in with an address of your account, which may be a different one\. Change the address that you sign in with Back to your account/,
  )
  t.match(shown.body, `<a href="${page}/${ana}" aria-label="Change where lab writes to you">Change</a>`)
  t.match(shown.body, '<a href="/account/email">')
})

t.test('whoever has several records sees each, with who keeps it and whom it is of', async t => {
  const records = [
    await registered(lab, { telecom: [{ system: 'email', value: 'at.lab@example.org' }] }),
    await registered(clinic, { name: [{ text: 'A. Ribeiro' }], telecom: [{ system: 'sms', value: '+15005550007' }] }),
  ]
  const own = await signedIn(
    (
      await newAccount(
        'both',
        records.map(id => `Patient/${id}`),
      )
    ).email,
  )
  const words = wordsOf(await own.get(page))
  t.match(words, /Each organization keeps a record of its own\. A change in one changes no other\./)
  t.match(
    words,
    /Record at lab Name Ana Ribeiro E-mail address at\.lab@example\.org Mobile number none Postal address none Change/,
  )
  t.match(
    words,
    /Record at clinic Name A\. Ribeiro E-mail address none Mobile number \+1 500 555 0007 Postal address none Change/,
  )
})

t.test('of a mobile number to which nothing can be sent the page says so, in the language of its reader', async t => {
  const id = await registered(lab, { telecom: [{ system: 'phone', use: 'mobile', value: '500 555 0006' }] })
  const { email } = await newAccount('unsent', [`Patient/${id}`])
  const own = await signedIn(email)
  t.match(
    wordsOf(await own.get(page)),
    'Mobile number 500 555 0006 No text messages go there: it lacks its country code, or has too few or too many digits.',
  )
})

t.test('of several postal addresses, the page says which one can be changed here', async t => {
  const id = await registered(lab, { address: [{ city: 'Springfield' }, { city: 'Shelbyville' }] })
  const own = await signedIn((await newAccount('movable', [`Patient/${id}`])).email)
  t.match(
    wordsOf(await own.get(page)),
    /Postal address Springfield Shelbyville The first one can be changed here\. If another is wrong, tell the organization\. Change/,
  )
})

t.test('whoever has no record, or whose record is deleted, is told that no study writes to them', async t => {
  const gone = await registered(lab, {})
  const accounts = [await newAccount('nobody'), await newAccount('gone', [`Patient/${gone}`])]
  await world.send(lab.manager, 'DELETE', `Patient/${gone}`)
  for (const { email } of accounts) {
    const words = wordsOf(await (await signedIn(email)).get(page))
    t.match(words, /There is no record of yours here, so no study writes to you\. You sign in with/, email)
    t.notMatch(words, /Record at/)
  }
})

t.test('it is in the reader’s language', async t => {
  const id = await registered(lab, { telecom: [{ system: 'email', value: 'eva@example.org' }] })
  const { cookies } = await signedIn((await newAccount('eva', [`Patient/${id}`])).email)
  const own = openBrowser(server, { headers: { 'accept-language': 'es' } })
  for (const [name, value] of cookies) own.cookies.set(name, value)
  t.match(
    wordsOf(await own.get(page)),
    /Adónde le escriben los estudios .* Historial en lab Correo electrónico eva@example\.org Número de móvil ninguno Dirección postal ninguna Cambiar Usted inicia sesión/,
  )
})
