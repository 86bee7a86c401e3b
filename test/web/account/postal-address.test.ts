import type { Address, Patient } from '@medplum/fhirtypes'
import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { openPeople, password } from '../people.ts'

const world = await openPeople()
const { server, database, create, send, newAccount, signedIn } = world
t.teardown(world.close)

const lab = await world.institution('lab')
const former: Address = { use: 'old', text: 'Before 1' }
const postbox: Address = { use: 'billing', line: ['PO Box 7'], city: 'Shelbyville' }
const before: Address = {
  use: 'home',
  text: 'Main Street 5, Springfield',
  line: ['Main Street 5', 'Flat 2'],
  _line: [{ extension: [{ url: 'https://example.org/kind', valueCode: 'street' }] }, null],
  city: 'Springfield',
  postalCode: '12345',
  country: 'US',
  extension: [{ url: 'https://example.org/where', valueString: '44.0, -123.0' }],
} as Address
const telecom = [{ system: 'email', value: 'before@example.org' }] as const
const stored = async (id: string): Promise<Patient> => (await send('everything', 'GET', `Patient/${id}`)).json()
/** A patient with an account, who is signed in. */
const patientOf = async (name: string, address: Address[] = []) => {
  const { id } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: 'Abara' }],
    telecom: [...telecom],
    ...(address.length > 0 && { address }),
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  const page = `/account/contacts/${id}`
  return { id, page, own: await signedIn((await newAccount(name, [`Patient/${id}`])).email) }
}
const same = { email: 'before@example.org', mobile: '' }
const nowhere = { line: '', city: '', district: '', state: '', postalCode: '', country: '' }
const wanted = {
  line: ' Elm\tRoad 9 \r\n\r\nBack door',
  city: 'Springfield',
  district: '',
  state: 'Oregon',
  postalCode: '12345',
  country: 'US',
}
const done = { status: 303, location: '/account/contacts?done=changed' }

t.test(
  'a patient changes their postal address; others, its use and what stays the same are kept, and not since when',
  async t => {
    const since = { ...before, period: { start: '2019-01-01' } }
    const { id, page, own } = await patientOf('ana', [former, since, postbox])
    const { body } = await own.get(page)
    t.match(body, /<textarea[^>]* name="line" rows="3" autocomplete="street-address"[^>]*>\nMain Street 5\nFlat 2</)
    for (const [name, hint, value] of [
      ['city', 'address-level2', 'Springfield'],
      ['district', 'address-level3', ''],
      ['state', 'address-level1', ''],
      ['postalCode', 'postal-code', '12345'],
      ['country', 'country-name', 'US'],
    ])
      t.match(body, new RegExp(`name="${name}" type="text" autocomplete="${hint}"[^>]*\\n? value="${value}"`))
    t.match(await own.send(page, { ...same, ...wanted, password }), done)
    const { meta, address, ...others } = await stored(id)
    t.same(address, [
      former,
      {
        use: 'home',
        line: ['Elm Road 9', 'Back door'],
        city: 'Springfield',
        state: 'Oregon',
        postalCode: '12345',
        country: 'US',
      },
      postbox,
    ])
    t.equal(meta?.versionId, '2')
    t.same(others.telecom, telecom)
    t.match(wordsOf(await own.get(done.location)), /Postal address Elm Road 9 Back door 12345 Springfield Oregon US/)
  },
)

t.test('what extensions say of a part stays as long as the part does', async t => {
  const { id, page, own } = await patientOf('odile', [before])
  const shown = { ...nowhere, line: 'Main Street 5\nFlat 2', city: 'Springfield', postalCode: '12345', country: 'US' }
  t.match(await own.send(page, { ...same, ...shown, state: 'OR', password }), done)
  const { text: _, extension: __, ...parts } = before
  t.same((await stored(id)).address, [{ ...parts, state: 'OR' }])
})

t.test('an address that is known as a text alone becomes lines', async t => {
  const { id, page, own } = await patientOf('tex', [{ text: 'Main Street 5\nSpringfield' }])
  const typed = { ...same, ...nowhere, line: 'Main Street 5\r\nSpringfield', password }
  t.match(await own.send(page, typed), done)
  t.same(
    (await stored(id)).address,
    [{ text: 'Main Street 5\nSpringfield' }],
    'as long as nothing is changed, it stays',
  )
  t.match(await own.send(page, { ...typed, country: 'US' }), done)
  t.same((await stored(id)).address, [{ line: ['Main Street 5', 'Springfield'], country: 'US' }])
})

t.test('whoever has none enters one, and takes it away again', async t => {
  const { id, page, own } = await patientOf('new')
  t.match(await own.send(page, { ...same, ...nowhere, line: 'Elm Road 9', city: 'Springfield', password }), done)
  t.same((await stored(id)).address, [{ line: ['Elm Road 9'], city: 'Springfield' }])
  t.match(await own.send(page, { ...same, ...nowhere, password }), done)
  t.equal((await stored(id)).address, undefined)
})

t.test('a form without its fields, as of an older page, leaves it as it is', async t => {
  const { id, page, own } = await patientOf('older', [before])
  t.match(await own.post(page, { ...(await formOf(own, page)), ...same, mobile: '+15005550006', password }), done)
  t.same((await stored(id)).address, [before])
})

t.test('a new postal address alone ends no link, and nobody is written to', async t => {
  const { id, page, own } = await patientOf('linked', [before])
  await database.run(sql.fragment`
    INSERT INTO study_message (id, patient, kind, channel, address, state, tries)
    VALUES ('waits', ${id}, 'reminder', 'email', 'before@example.org', 'waiting', 1)`)
  t.match(await own.send(page, { ...same, ...wanted, password }), done)
  const messages = await database.any(sql.fragment`SELECT id, kind, state FROM study_message WHERE patient = ${id}`)
  t.same(messages, [{ id: 'waits', kind: 'reminder', state: 'waiting' }])
})

t.test('what is wrong is said at its field with what is accepted, and what was typed is kept', async t => {
  const { id, page, own } = await patientOf('wrong')
  const typed = { ...same, ...nowhere, state: 'x'.repeat(101), country: 'U<S>', password }
  const wrong = await own.send(page, typed)
  t.equal(wrong.status, 422)
  for (const [field, text] of [
    ['line', 'Enter the street and number, or a post office box, or leave the whole postal address empty'],
    ['city', 'Enter the town or city, or leave the whole postal address empty'],
    ['state', 'State, region or province: enter at most 100 characters'],
  ])
    t.match(wrong.body, `id="${field}-problem">${text}</p>`)
  t.match(wrong.body, 'value="U&lt;S&gt;"')
  const long = await own.send(page, { ...typed, line: Array(6).fill('x').join('\n'), city: 'x', state: '' })
  t.match(long.body, 'id="line-problem">Street and number: enter at most 5 lines of at most 100 characters each</p>')
  t.equal((await stored(id)).meta?.versionId, '1')
})

t.test('the same is said in Spanish', async t => {
  const { page, own } = await patientOf('eva')
  const spanish = openBrowser(server, { headers: { 'accept-language': 'es' } })
  for (const [name, value] of own.cookies) spanish.cookies.set(name, value)
  t.match(
    wordsOf(await spanish.send(page, { ...same, ...nowhere, country: 'x'.repeat(101), password })),
    /Escriba la calle y el número, o un apartado de correos, o deje vacía toda la dirección postal Escriba la población, o deje vacía toda la dirección postal País: escriba como mucho 100 caracteres .* Calle y número Como figura en una carta, .* Población .* Distrito o comarca Estado, región o provincia Código postal País/,
  )
})

t.test('what was changed meanwhile is shown beside what was typed', async t => {
  const { id, page, own } = await patientOf('slow', [before])
  const version = /name="version" value="(\d+)"/.exec((await own.get(page)).body)?.[1] ?? ''
  await world.update(lab.manager, { ...(await stored(id)), address: [{ line: ['Oak Lane 1'], city: 'Shelbyville' }] })
  const late = await own.send(page, { ...same, ...wanted, password, version })
  t.equal(late.status, 409)
  t.match(wordsOf(late), /Street and number Now it says: Oak Lane 1 .*Town or city Now it says: Shelbyville/)
  t.match(late.body, '>\n Elm\tRoad 9 \r\n\r\nBack door</textarea>')
})

t.test('without the password it does not change', async t => {
  const { id, page, own } = await patientOf('found', [before])
  t.equal((await own.send(page, { ...same, ...wanted, password: 'wrong' })).status, 422)
  t.same((await stored(id)).address, [before])
})

const formOf = async (own: Awaited<ReturnType<typeof signedIn>>, page: string) => {
  const { body } = await own.get(page)
  const sentAs = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(body)?.[1] ?? ''
  return { _csrf: sentAs('_csrf'), version: sentAs('version') }
}
