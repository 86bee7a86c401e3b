import type { Patient } from '@medplum/fhirtypes'
import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { wordsOf } from '../../support/browser.ts'
import { looseNarrative } from '../loose-narrative.ts'
import { openTenants } from '../tenants.ts'

const world = await openTenants()
const { server, database, people, lab, clinic, create, send, study } = world
t.teardown(() => server.close())
t.setTimeout(120_000)

const empty = { given: '', family: '', birthDate: '', identifiers: '', email: '', mobile: '', gender: '', language: '' }
const maria = {
  ...empty,
  given: 'María José',
  family: 'Ruiz',
  birthDate: '1970-05-31',
  identifiers: 'urn:oid:1.2.3|4711\n  A-1',
  email: 'Maria@example.org',
  mobile: '+1 (500) 555-0006',
  gender: 'female',
  language: 'es',
}
const ofLab = {
  resourceType: 'Patient',
  managingOrganization: { reference: `Organization/${lab.organization}` },
} as const
const register = (fields: Readonly<Record<string, string>>, by = people.member, page = '/patients/new') =>
  by.send(page, fields, '/patients/new')
const patientAt = async (location = '') =>
  (await send('everything', 'GET', `Patient/${location.split(/[/?]/)[2]}`)).json()

t.test('a member registers a patient, who is found at /fhir with everything that was entered', async t => {
  const made = await register(maria)
  t.match(made, { status: 303, location: /^\/patients\/[\w-]+\?done=registered$/ })
  t.has(await patientAt(made.location), {
    active: true,
    managingOrganization: { reference: `Organization/${lab.organization}` },
    identifier: [{ system: 'urn:oid:1.2.3', value: '4711' }, { value: 'A-1' }],
    name: [{ family: 'Ruiz', given: ['María', 'José'] }],
    birthDate: '1970-05-31',
    gender: 'female',
    telecom: [
      { system: 'email', value: 'maria@example.org' },
      { system: 'phone', use: 'mobile', value: '+15005550006' },
    ],
    communication: [{ language: { coding: [{ system: 'urn:ietf:bcp:47', code: 'es' }] }, preferred: true }],
  })
  t.match(
    wordsOf(await people.member.get(made.location ?? '')),
    /María José Ruiz .* UTC The patient is registered\. A study asks/,
  )
})

t.test('a mistake is shown at its field, and what was typed stays', async t => {
  const wrong = {
    ...empty,
    given: 'Kept <b>',
    birthDate: '1970-02-30',
    identifiers: 'no uri|1',
    email: 'ana',
    mobile: '5005550006',
    gender: 'f',
    language: 'xx',
  }
  const shown = await register(wrong)
  t.equal(shown.status, 422)
  const told = [...shown.body.matchAll(/<p class="invalid-feedback[^>]*id="(\w+)-problem">([^<]*)</g)]
  t.strictSame(
    told.map(([, name]) => name),
    ['family', 'birthDate', 'identifiers', 'email', 'mobile', 'gender', 'language'],
  )
  t.match(shown.body, /value="Kept &lt;b&gt;"/)
  t.match(shown.body, '<option value="en">English</option><option value="es" lang="es">español</option>')
  for (const birthDate of ['1849-12-31', '2999-01-01', '3.5.1970'])
    t.equal((await register({ ...maria, birthDate, identifiers: '' })).status, 422, birthDate)
})

t.test('a birth date may be written as elsewhere, if it can be one day only', async t => {
  const written = { ...empty, family: 'Elsewhere', birthDate: '31/05/1970' }
  t.equal((await register(written)).status, 303)
  const found = await people.member.get('/patients?name=elsewhere&birthDate=31.5.1970')
  t.match(wordsOf(found), /Elsewhere born 31 May 1970/)
})

t.test(
  'possible duplicates, by identifier or by name and birth date, are shown first, and can be registered anyway',
  async t => {
    const first = await register({
      ...empty,
      given: 'Zoë',
      family: 'O’Neil',
      birthDate: '1980-01-02',
      identifiers: 'Z-9',
    })
    const [, , id = ''] = first.location?.split(/[/?]/) ?? []
    const same = { ...empty, given: 'zoe', family: "O'NEIL", birthDate: '1980-01-02' }
    const warned = await register(same)
    t.equal(warned.status, 409)
    t.match(warned.body, new RegExp(`href="/patients/${id}"`))
    t.match(wordsOf(warned), /There may be a record of this patient already .* has the same name and birth date/)
    t.match(wordsOf(await register({ ...same, given: 'Else', identifiers: 'Z-9' })), /has the same identifier/)
    for (const other of [
      { ...same, birthDate: '1980-01-03' },
      { ...same, given: 'Zora' },
    ])
      t.equal((await register(other)).status, 303)
    const anyway = /name="anyway" value="([^"]+)"/.exec(warned.body)?.[1] ?? ''
    t.equal(
      (await register({ ...same, given: 'Zora', anyway })).status,
      409,
      'but who is like another is shown that one',
    )
    t.equal((await register({ ...same, anyway })).status, 303)
    t.equal((await register({ ...same, anyway })).status, 409, 'pressing the button twice registers nobody')
  },
)

t.test('if the same human is registered at once or twice, one succeeds, and the others are told', async t => {
  const twin = { ...empty, family: 'Twin', birthDate: '1981-03-04' }
  const answers = await Promise.all(Array.from({ length: 4 }, () => register(twin)))
  t.same(answers.map(({ status }) => status).toSorted(), [303, 409, 409, 409])
  const numbered = { ...empty, identifiers: 'T-1' }
  const named = ['Nilsson', 'Olsson', 'Persson'].map((family, at) => ({
    ...numbered,
    family,
    birthDate: `199${at}-01-01`,
  }))
  const others = await Promise.all(named.map(one => register(one)))
  t.same(others.map(({ status }) => status).toSorted(), [303, 409, 409])
})

t.test('that tells nobody of a patient whom they may not see', async t => {
  await create(clinic.manager, {
    resourceType: 'Patient',
    name: [{ family: 'Hidden', given: ['Hal'] }],
    birthDate: '1960-06-06',
    identifier: [{ system: 'urn:oid:9', value: 'H-1' }],
    managingOrganization: { reference: `Organization/${clinic.organization}` },
  })
  const hal = { ...empty, given: 'Hal', family: 'Hidden', birthDate: '1960-06-06', identifiers: 'urn:oid:9|H-1' }
  t.equal((await register(hal)).status, 303)
})

t.test(
  'patients are found by name, birth date, identifier, e-mail address and mobile number, page by page',
  async t => {
    const found = async (query: string, by = people.member) =>
      [
        ...(await by.get(`/patients?${query}`)).body.matchAll(
          /href="\/patients\/[\w-]+(?:\?back=[^"]*)?">([^<]*)<span/g,
        ),
      ].map(([, name]) => name)
    t.same(await found('name=ru+mar'), ['María José Ruiz'])
    t.same(await found('birthDate=1970-05&identifier=4711'), ['María José Ruiz'])
    t.same(await found('identifier=urn:oid:1.2.3|4711'), ['María José Ruiz'])
    t.same(await found('email=MARIA@example.org'), ['María José Ruiz'])
    t.same(await found('email=%E2%80%AAmaria@example.org%E2%80%AC'), ['María José Ruiz'], 'as it may be copied')
    for (const mobile of ['+15005550006', '001 500 555-0006', '+1 (500) 555.0006'])
      t.same(await found(`mobile=${encodeURIComponent(mobile)}`), ['María José Ruiz'], mobile)
    t.same(await found('mobile=%2B15005550007'), [])
    t.same(await found('name=ruiz', people['manager of another tenant']), [])
    t.match(wordsOf(await people.member.get('/patients?name=nobody')), /Nobody that you can see matches that/)
    const wrong = await people.member.get('/patients?birthDate=1970-13')
    t.match(wordsOf(wrong), /Enter a birth date with its month as a word/)
    t.match(wrong.body, '<title>Problem: Patients')
    t.notMatch(wordsOf(wrong), /Found|nobody/, 'nobody was searched for')
    for (const [query, told] of [
      ['birthDate=0000', /Enter a birth date with its month as a word/],
      ['identifier=|', /Enter the number, or the URI of its system/],
      ['mobile=5005550006', /Enter the mobile number with its country code/],
    ] as const) {
      const shown = await people.member.get(`/patients?${query}`)
      t.match([shown.status, wordsOf(shown)], [200, told], query)
    }
    for (let count = 0; count < 20; count += 1)
      await create(lab.manager, {
        resourceType: 'Patient',
        name: [{ family: `Page${String(count).padStart(2, '0')}` }],
        managingOrganization: { reference: `Organization/${lab.organization}` },
      })
    const first = await people.member.get('/patients?name=page')
    t.notMatch(first.body, /More patients/)
    await register({ ...empty, family: 'Page99', birthDate: '1990-01-01' })
    const full = await people.member.get('/patients?name=page')
    const next = /href="(\/patients\?name=page&(?:amp;)?page=[^"]*)"/.exec(full.body)?.[1]?.replace('&amp;', '&') ?? ''
    t.match(wordsOf(await people.member.get(next)), /Page99/)
    const lost = wordsOf(await people.manager.get(next))
    t.match(
      lost,
      /Found That page of the list is no longer there\. Here is its beginning\. Page00/,
      'it belongs to one reader',
    )
    t.match(
      wordsOf(await people.member.get('/patients?page=9')),
      /All that you can see That page of the list is no longer/,
    )
  },
)

t.test('patients are listed in the order that is asked for, which the page shows', async t => {
  const made: string[] = []
  for (const [family, birthDate] of [
    ['Sortb', '1950-05-05'],
    ['Sorta'],
    ['Sortd', '1940-04'],
    ['Sortc', '1960-06-06'],
  ] as const)
    made.push((await create(lab.manager, { ...ofLab, name: [{ family }], ...(birthDate && { birthDate }) })).id)
  const [first = ''] = made
  const stored = JSON.parse((await send('everything', 'GET', `Patient/${first}`)).body)
  await world.update(lab.manager, { ...stored, gender: 'female' })
  const named = async (sort: string, by = people.member) =>
    [...(await by.get(`/patients?name=sort&sort=${sort}`)).body.matchAll(/">(Sort.)<span/g)].map(([, name]) => name)
  const byName = ['Sorta', 'Sortb', 'Sortc', 'Sortd']
  t.same(await named(''), byName)
  t.same(await named('name'), byName)
  t.same(await named('birth-date'), ['Sortd', 'Sortb', 'Sortc', 'Sorta'], 'those without a date last')
  t.same(await named('-birth-date'), ['Sortc', 'Sortb', 'Sortd', 'Sorta'])
  t.same(await named('registered'), ['Sortc', 'Sortd', 'Sorta', 'Sortb'])
  t.same(await named('changed'), ['Sortb', 'Sortc', 'Sortd', 'Sorta'])
  t.same(await named('registered', people['manager of another tenant']), [])
  const { body } = await people.member.get('/patients?sort=registered')
  t.match(body, '<option value="registered" selected>Last registered first</option>')
  t.match(body, '<h2 class="mt-4">All that you can see</h2>', 'an order is not a search')
})

t.test(
  'a patient’s page leads back to the list from which it was opened, as it was, whichever days are shown',
  async t => {
    const list = '/patients?name=page'
    const hrefsIn = ({ body }: { body: string }) =>
      [...body.matchAll(/href="([^"]*)"/g)].map(([, href = '']) => href.replaceAll('&amp;', '&'))
    const opened = hrefsIn(await people.member.get(list)).find(href => /^\/patients\/[\w-]+\?/.test(href)) ?? ''
    const shown = await people.member.get(opened)
    t.match(shown.body, `<a href="${list}">Back to the patients`)
    const earlier = hrefsIn(shown).find(href => href.includes('first=')) ?? ''
    t.match((await people.member.get(earlier)).body, `<a href="${list}">Back to the patients`)
    t.match(shown.body, `<input type="hidden" name="back" value="${list}">`)
    const change = hrefsIn(shown).find(href => href.includes('/change')) ?? ''
    const [patient = '', back = ''] = opened.split('?')
    t.equal(change, `${patient}/change?${back}`)
    const saved = { family: 'Page00', birthDate: '1990-01-01' }
    const changed = await people.member.send(change, saved, change)
    t.match(changed, { status: 303, location: `${patient}?done=changed&${back}` }, 'also after its details were edited')
    for (const nowhere of [
      '',
      '?back=https://evil.example',
      '?back=//evil.example',
      '?back=/studies/../x',
      '?back=/account',
    ])
      t.match(
        (await people.member.get(`${patient}${nowhere}`)).body,
        '<a href="/patients">Back to the patients',
        nowhere,
      )
  },
)

t.test('somebody who may enrol can register a patient directly into a study', async t => {
  const page = `/patients/new?study=${study.id}`
  t.match(wordsOf(await people.member.get(page)), /The patient is enrolled in hearts at once/)
  const made = await register({ ...empty, family: 'Enrolled', birthDate: '1990-01-01' }, people.member, page)
  t.match(made.location, new RegExp(`^/studies/${study.id}\\?done=registered&subject=`))
  t.match(
    wordsOf(await people.member.get(made.location ?? '')),
    /The patient is registered, and in the study\. They are asked once they are invited\. Patient Enrolled, born 1 January 1990 Not invited yet\. No message can reach them: their record lacks an e-mail address or a mobile number with its country code\. .* Invite .* Enrolled Has not answered yet\. You see no data of theirs\. Not invited yet/,
  )
})

t.test('into a study that takes nobody new any more nobody is registered, and what was typed is kept', async t => {
  const page = `/patients/new?study=${study.id}`
  const stored = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await people.member.get(page)).body)?.[1] ?? ''
  await world.update('everything', { ...stored, status: 'completed' })
  const fields = { ...empty, family: 'Tardy', birthDate: '1990-01-01', organization: lab.organization }
  const late = await people.member.post('/patients/new', { ...fields, study: study.id ?? '', _csrf })
  t.match(
    [late.status, wordsOf(late)],
    [
      409,
      'Nobody can be enrolled in hearts now: its status is “Completed”. Nothing was done. What you entered is still below: if you send it again, the patient is registered without being enrolled.',
    ],
  )
  t.match(late.body, 'value="Tardy"')
  t.match(
    wordsOf(await people.member.get(page)),
    'its status is “Completed”. The patient is registered without being enrolled.',
  )
  const again = await register({ ...empty, family: 'Tardy', birthDate: '1990-01-01' }, people.member, page)
  t.match(again, { status: 303, location: /^\/patients\/[^/]*\?done=registered$/ })
  await world.update('everything', stored)
})

t.test(
  'the registering organization sees the postal address beside how a patient is reached, and saving keeps it',
  async t => {
    const address = [
      { use: 'old' as const, text: 'Before 1' },
      { line: ['Main Street 5', 'Flat <2>'], postalCode: '12345', city: 'Springfield' },
    ]
    const { id } = await create(lab.manager, {
      resourceType: 'Patient',
      name: [{ family: 'Posted' }],
      birthDate: '1970-05-31',
      address,
      managingOrganization: { reference: `Organization/${lab.organization}` },
    })
    const page = `/patients/${id}/change`
    t.match(
      wordsOf(await people.member.get(page)),
      /Postal address Main Street 5 Flat &lt;2&gt; 12345 Springfield Patients with an account here change it themselves\. Save/,
    )
    t.equal((await people.member.send(page, { ...empty, family: 'Sent', birthDate: '1970-05-31' })).status, 303)
    t.same((await send('everything', 'GET', `Patient/${id}`)).json().address, address)
  },
)

t.test('the registering organization changes how a patient is reached, and their other contacts stay', async t => {
  const { id } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ text: 'Reach' }],
    telecom: [
      { system: 'phone', use: 'home', value: '1' },
      { system: 'email', use: 'work', value: 'before@example.org' },
    ],
    communication: [{ language: { coding: [{ code: 'en' }] } }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  const page = `/patients/${id}/change`
  t.match((await people.member.get(`/patients/${id}`)).body, new RegExp(`href="${page}"`))
  const stale = await people.manager.get(page)
  const version = /name="version" value="(\d+)"/.exec(stale.body)?.[1] ?? ''
  const wrong = await people.member.send(page, { email: 'x', mobile: '12', language: '' })
  t.match(
    [wrong.status, wordsOf(wrong)],
    [422, /Enter an e-mail address.*Enter the mobile number with its country code/],
  )
  const changed = await people.member.send(page, {
    email: 'after@example.org',
    mobile: '0044 20 7946 0000',
    language: 'es',
  })
  t.match(changed, { status: 303, location: `/patients/${id}?done=changed` })
  t.match(wordsOf(await people.member.get(changed.location ?? '')), / It is saved\. /)
  t.match(await patientAt(`/patients/${id}`), {
    name: [{ text: 'Reach' }],
    telecom: [
      { system: 'phone', use: 'home', value: '1' },
      { system: 'email', use: 'work', value: 'after@example.org' },
      { system: 'phone', use: 'mobile', value: '+442079460000' },
    ],
    communication: [
      { language: { coding: [{ code: 'es' }] }, preferred: true },
      { language: { coding: [{ code: 'en' }] } },
    ],
  })
  const late = await people.manager.send(page, { version, email: '', mobile: '', language: '' })
  t.match([late.status, wordsOf(late)], [409, /Somebody else has changed this/])
  t.match(
    wordsOf(late),
    /E-mail address Now it says: after@example\.org Mobile number Now it says: \+44 20 7946 0000 Gender .* Language Now it says: español/,
    'an address that somebody else has entered is not taken back unseen',
  )
  const emptied = await people.member.send(page, { email: '', mobile: '', language: 'es' })
  t.equal(emptied.status, 303)
  t.same((await patientAt(`/patients/${id}`)).telecom, [{ system: 'phone', use: 'home', value: '1' }])
})

t.test('an address that stays is kept as it was written elsewhere, with the days on which it is used', async t => {
  const period = { start: '2020-01-01', end: '2099-12-31' }
  const telecom = [
    { system: 'email', value: 'Ella@Example.ORG', period },
    { system: 'phone', use: 'mobile', value: '+1 (500) 555-0006', period },
  ] as const
  const person = { ...ofLab, name: [{ family: 'Ella' }], birthDate: '1970-05-31', telecom: [...telecom] }
  const page = `/patients/${(await create(lab.manager, person)).id}/change`
  const { body } = await people.member.get(page)
  const [email = '', mobile = ''] = ['email', 'mobile'].map(
    name => new RegExp(`name="${name}"[^>]*\\bvalue="([^"]*)"`).exec(body)?.[1],
  )
  t.strictSame([email, mobile.replaceAll(/\D/g, '')], ['Ella@Example.ORG', '15005550006'])
  const changed = await people.member.send(page, { family: 'Ella Neu', birthDate: '1970-05-31', email, mobile })
  t.equal(changed.status, 303)
  const stored = await patientAt(page)
  t.strictSame([stored.name?.[0]?.family, stored.telecom], ['Ella Neu', telecom])
})

t.test('the gender is changed and taken back, and one that the form did not have stays', async t => {
  const { id } = await create(lab.manager, {
    ...ofLab,
    name: [{ family: 'Gena' }],
    gender: 'male',
    birthDate: '1970-05-31',
  })
  const page = `/patients/${id}/change`
  const genderNow = async () => (await patientAt(page)).gender
  const fields = { family: 'Gena', birthDate: '1970-05-31' }
  const stale = await people.manager.get(page)
  t.match(stale.body, '<option value="male" selected>Male</option>')
  await people.member.send(page, { ...fields, email: 'gena@example.org' })
  t.equal(await genderNow(), 'male')
  await people.member.send(page, { ...fields, gender: 'other' })
  t.equal(await genderNow(), 'other')
  const version = /name="version" value="(\d+)"/.exec(stale.body)?.[1] ?? ''
  const late = await people.manager.send(page, { ...fields, version, gender: 'female' })
  t.match([late.status, wordsOf(late)], [409, /Gender Now it says: Other Not recorded Female Male Other Unknown/])
  await people.member.send(page, { ...fields, gender: '' })
  t.equal(await genderNow(), undefined)
})

t.test('a language that is not known after all is taken from the record', async t => {
  const spoken = (code: string, preferred?: true) => ({
    language: { coding: [{ code }] },
    ...(preferred && { preferred }),
  })
  for (const [before, after] of [
    [[spoken('es', true)], undefined],
    [[spoken('en'), spoken('es', true)], [spoken('en')]],
  ] as const) {
    const { id } = await create(lab.manager, {
      resourceType: 'Patient',
      name: [{ family: 'Speak' }],
      birthDate: '1970-05-31',
      communication: before.map(one => ({ ...one })),
      managingOrganization: { reference: `Organization/${lab.organization}` },
    })
    const fields = { ...empty, family: 'Speak', birthDate: '1970-05-31' }
    t.equal((await people.member.send(`/patients/${id}/change`, fields)).status, 303)
    t.same((await patientAt(`/patients/${id}`)).communication, after)
  }
})

t.test('mistakes in who a patient is are corrected, and what was not edited stays as it was', async t => {
  const told = { system: 'urn:oid:1.2.3', value: '4711', use: 'official' as const }
  const { id } = await create(lab.manager, {
    resourceType: 'Patient',
    identifier: [told, { value: '17' }],
    name: [
      { text: 'Ana Castilo', given: ['Ana'], family: 'Castilo' },
      { use: 'maiden', family: 'Ruiz' },
    ],
    birthDate: '1970',
    text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Ana Castilo, 1970</div>' },
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  const page = `/patients/${id}/change`
  const shown = {
    given: 'Ana',
    family: 'Castilo',
    birthDate: '1970',
    identifiers: 'urn:oid:1.2.3|4711\r\n17',
    email: '',
    mobile: '',
    language: '',
  }
  t.match((await people.member.get(page)).body, /value="Castilo".*value="1970".*urn:oid:1\.2\.3\|4711\n17<\/textarea>/s)
  const wrong = await people.member.send(page, { ...shown, family: '', birthDate: '3.5.1970' })
  t.match(
    [wrong.status, wordsOf(wrong)],
    [422, /Enter a family name of at most 100 characters Enter a birth date that exists .* with its month as a word/],
  )
  const pasted = await people.member.send(page, { ...shown, family: 'Castilo\tRuiz', birthDate: '3.5.1970' })
  t.notMatch(wordsOf(pasted), /Enter a family name/, 'a name from a table has tabs')
  t.equal((await people.member.send(page, { ...shown, email: 'ana.c@example.org' })).status, 303)
  t.has(await patientAt(`/patients/${id}`), { name: [{ text: 'Ana Castilo' }], birthDate: '1970' })
  const put = { ...shown, family: 'Castillo', birthDate: '1970-05-31', identifiers: 'urn:oid:1.2.3|4711\r\n18' }
  t.equal((await people.member.send(page, put)).status, 303)
  const { name, birthDate, identifier, text } = await patientAt(`/patients/${id}`)
  t.same(
    { name, birthDate, identifier, text },
    {
      text: undefined,
      name: [
        { given: ['Ana'], family: 'Castillo' },
        { use: 'maiden', family: 'Ruiz' },
      ],
      birthDate: '1970-05-31',
      identifier: [told, { value: '18' }],
    },
  )
})

t.test(
  'what extensions say of a name, a birth date or an address stays with it, and goes when it is changed',
  async t => {
    const said = (valueString: string) => ({ extension: [{ url: 'http://example.org/said', valueString }] })
    const name = {
      given: ['Anna Maria', null, 'I.'],
      _given: [said('a birth name'), said('masked'), said('initials')],
      family: 'van Berg',
      _family: said('van is a prefix'),
    }
    const email = { system: 'email', value: 'ana@example.org', _value: said('checked') }
    const { id } = await create(lab.manager, {
      resourceType: 'Patient',
      name: [name],
      birthDate: '1970-05-31',
      _birthDate: said('at noon'),
      telecom: [email],
      managingOrganization: { reference: `Organization/${lab.organization}` },
    } as unknown as Patient)
    const page = `/patients/${id}/change`
    const shown = {
      ...empty,
      given: 'Anna Maria I.',
      family: 'van Berg',
      birthDate: '1970-05-31',
      email: 'ana@example.org',
    }
    const changed = async (more: Partial<typeof shown>) => {
      t.equal((await people.member.send(page, { ...shown, ...more })).status, 303)
      const { name, birthDate, _birthDate, telecom } = (await patientAt(`/patients/${id}`)) as unknown as Record<
        string,
        unknown
      >
      return { name, birthDate, _birthDate, telecom }
    }
    const before = { name: [name], birthDate: '1970-05-31', _birthDate: said('at noon'), telecom: [email] }
    t.match((await people.member.get(page)).body, /value="Anna Maria I\."/)
    const { _family, ...own } = name
    t.same(await changed({ family: 'Schmidt' }), { ...before, name: [{ ...own, family: 'Schmidt' }] })
    const later = { family: 'Schmidt', birthDate: '1971-05-31', email: 'a@example.org' }
    t.same(await changed(later), {
      name: [{ ...own, family: 'Schmidt' }],
      birthDate: '1971-05-31',
      _birthDate: undefined,
      telecom: [{ system: 'email', value: 'a@example.org' }],
    })
    const { name: called } = await changed({ ...later, given: 'Anna' })
    t.same(called, [{ given: ['Anna'], family: 'Schmidt' }])
  },
)

t.test('a narrative from before narratives had to be XML does not prevent changing a patient', async t => {
  const { id } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ given: ['Eva'], family: 'Lind' }],
    birthDate: '1970-05-31',
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  const text = await looseNarrative(database, 'Patient', id)
  const put = { ...empty, given: 'Eva', family: 'Lind', birthDate: '1970-05-31', email: 'eva@example.org' }
  t.equal((await people.member.send(`/patients/${id}/change`, put)).status, 303)
  t.match(await patientAt(`/patients/${id}`), { text, telecom: [{ value: 'eva@example.org' }] })
})

t.test(
  'from the page of a patient, staff get to the studies they are in, and to enrolling them into others',
  async t => {
    const kinds = ['omh:heart-rate']
    const sleep = await world.newStudy(lab.manager, lab.organization, 'Sleep <2>', kinds)
    const over = await world.newStudy(lab.manager, lab.organization, 'Over', kinds)
    const stored = (await send('everything', 'GET', `ResearchStudy/${over.id}`)).json()
    await world.update(lab.manager, { ...stored, status: 'completed' })
    const page = `/patients/${world.ann}`
    const shown = await people.member.get(page)
    t.match(
      wordsOf(shown),
      'Studies The patient is in: hearts To ask the patient to take part in another, enrol and invite them: Enrol in Sleep &lt;2&gt;',
    )
    const [, place = ''] = /<a href="([^"]*)">hearts<\/a>/.exec(shown.body) ?? []
    t.match(place, new RegExp(`^/studies/${study.id}/people/[^/?]+\\?back=`))
    const there = await people.member.get(place)
    t.match(wordsOf(there), /Study hearts .* Answer Shares everything/)
    t.match(there.body, `<a href="${page}">Back to the patient</a>`)
    t.notMatch(wordsOf(shown), 'Over')
    const [, enrolment = ''] = /href="([^"]*)">Enrol in Sleep/.exec(shown.body) ?? []
    const found = await people.member.get(enrolment.replaceAll('&amp;', '&'))
    t.match(found.body, `name="patient" value="${world.ann}" checked`)
    t.notMatch(found.body, `name="patient" value="${world.bob}"`)
    const all = await people.member.get(`/studies/${sleep.id}/enrolment?patient=${world.ann}`)
    t.match(all.body, `name="patient" value="${world.bob}">`, 'nobody else is ticked')
    await world.enrol(lab.manager, sleep.id, world.ann)
    t.match(wordsOf(await people.member.get(page)), 'The patient is in: hearts Sleep &lt;2&gt;')
    t.match(wordsOf(await people.viewer.get(page)), 'The patient is in: hearts Sleep &lt;2&gt;')
    t.notMatch(wordsOf(await people.viewer.get(page)), 'Enrol in', 'who may enrol nobody is not led there')
    t.notMatch(wordsOf(await people.patient.get(page)), 'The patient is in')
  },
)

t.test('nobody is led to enrolling a patient who has died', async t => {
  const { id } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: 'Gone' }],
    deceasedBoolean: true,
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  t.notMatch(wordsOf(await people.member.get(`/patients/${id}`)), 'Enrol in')
})

t.test('people who are not staff do not find these pages, and only those who may register can do so', async t => {
  t.equal((await people.viewer.get('/patients')).status, 200)
  for (const name of ['viewer', 'privacy officer', 'patient', 'administrator'] as const) {
    const own = await people[name].get('/account')
    const token = /name="_csrf" value="([^"]*)"/.exec(own.body)?.[1] ?? ''
    if (name === 'patient' || name === 'administrator') t.equal((await people[name].get('/patients')).status, 404, name)
    t.equal((await people[name].get('/patients/new')).status, 404, name)
    const posted = await people[name].post('/patients/new', { ...maria, organization: lab.organization, _csrf: token })
    t.equal(posted.status, 404, name)
  }
  const foreign = await people['manager of another tenant'].get('/account')
  const other = /name="_csrf" value="([^"]*)"/.exec(foreign.body)?.[1] ?? ''
  const asked = { ...maria, organization: lab.organization, _csrf: other }
  t.equal((await people['manager of another tenant'].post('/patients/new', asked)).status, 404)
  const into = { ...maria, study: study.id, organization: clinic.organization, _csrf: other }
  t.equal((await people['manager of another tenant'].post('/patients/new', into)).status, 404)
})

t.test('after a fault, staff are told to look whether it was done before they send it again', async t => {
  await database.run(sql.fragment`
    CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$`)
  await database.run(sql.fragment`
    CREATE TRIGGER break BEFORE INSERT ON patient FOR EACH ROW EXECUTE FUNCTION break()`)
  const shown = await register({ ...empty, family: 'Doubt', birthDate: '1980-01-02' })
  await database.run(sql.fragment`DROP TRIGGER break ON patient`)
  t.equal(shown.status, 500)
  t.match(wordsOf(shown), 'What you sent may have been done all the same: look before you send it again.')
})

t.test('a study that knows people by code is told the gender of whoever is registered into it', async t => {
  const coded = await world.newStudy(lab.manager, lab.organization, 'by code', ['omh:heart-rate'], 'coded')
  const fields = { ...maria, identifiers: '', given: 'Ines', gender: 'female' }
  const made = await register(fields, people.member, `/patients/new?study=${coded.id}`)
  t.equal(made.status, 303)
  const place = new URL(made.location ?? '', 'http://here').searchParams.get('subject')
  const shown = await people.member.get(`/studies/${coded.id}/people/${place}`)
  t.match(wordsOf(shown), /Gender female Year of birth 1970 /)
})

t.test('while the organization is closed its patients page says why nobody can be registered', async t => {
  const { member, administrator } = people
  const at = `/organizations/${lab.organization}`
  await administrator.send(`${at}/close`, {})
  const why =
    /Patients No patient can be registered now, since lab is closed\. A manager of the organization above, or an administrator of this installation, reopens it\. Find patients/
  t.match(wordsOf(await member.get('/patients')), why)
  t.notMatch(wordsOf(await people.viewer.get('/patients')), /is closed/, 'nor to whoever registers nobody')
  await administrator.send(`${at}/open`, {})
  t.notMatch(wordsOf(await member.get('/patients')), /is closed/)
})
