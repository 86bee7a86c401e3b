import type { Organization } from '@medplum/fhirtypes'
import t from 'tap'
import { wordsOf } from '../../support/browser.ts'
import { openTenants } from '../tenants.ts'

const world = await openTenants()
const { server, send, create, lab, ward, people, ann, account, browserOf } = world
const { manager, administrator } = people
t.teardown(() => server.close())

const pageOf = (organization: string, more = '/contacts') => `/organizations/${organization}${more}`
const stored = async (id: string): Promise<Organization> =>
  (await send('everything', 'GET', `Organization/${id}`)).json()

const typed = {
  phone: '+1 500 555 0006',
  email: 'ward@example.org',
  url: 'https://ward.example.org',
  line: '1 Harbour Road\r\nFloor 4',
  city: 'Riverside',
  district: '',
  state: '',
  postalCode: 'R 12',
  country: '',
}

t.test(
  'what a manager enters stands in the Organization, on its page, and where a patient decides to share',
  async t => {
    t.match((await manager.get(pageOf(ward, ''))).body, `href="${pageOf(ward)}"`)
    t.match(await manager.send(pageOf(ward), typed), { status: 303, location: `${pageOf(ward, '')}?done=contacts` })
    const { telecom, address, name, partOf } = await stored(ward)
    t.same(
      { telecom, address, name, partOf },
      {
        telecom: [
          { system: 'phone', use: 'work', value: '+1 500 555 0006' },
          { system: 'email', use: 'work', value: 'ward@example.org' },
          { system: 'url', use: 'work', value: 'https://ward.example.org' },
        ],
        address: [{ line: ['1 Harbour Road', 'Floor 4'], city: 'Riverside', postalCode: 'R 12' }],
        name: 'Ward <1>',
        partOf: { reference: `Organization/${lab.organization}` },
      },
    )
    const shown =
      'Contacts \\+1 500 555 0006 ward@example\\.org https://ward\\.example\\.org 1 Harbour Road Floor 4 R 12 Riverside'
    t.match(
      wordsOf(await manager.get(`${pageOf(ward, '')}?done=contacts`)),
      new RegExp(`The contacts have been saved.*${shown}`),
    )
    t.match(wordsOf(await people.viewer.get(pageOf(ward, ''))), new RegExp(shown))
    const patient = await browserOf(await account(ann))
    t.match(
      wordsOf(await patient.get(`/sharing/with/organization/${ward}`)),
      new RegExp(shown.replace('Contacts', 'How to reach them')),
    )
  },
)

t.test('they are changed and emptied, and what an app wrote beside them stays', async t => {
  const fax = { system: 'fax' as const, value: '+1 500 555 0007' }
  const { id } = await create('everything', {
    resourceType: 'Organization',
    name: 'Desk',
    telecom: [fax, { system: 'phone', use: 'old', value: '+1 500 555 0001' }],
    partOf: { reference: `Organization/${lab.organization}` },
  })
  await manager.send(pageOf(id), { phone: '+1 500 555 0008' })
  t.match((await manager.get(pageOf(id))).body, /name="phone"[^>]*value="\+1 500 555 0008"/)
  await manager.send(pageOf(id), { phone: '' })
  t.same((await stored(id)).telecom, [fax, { system: 'phone', use: 'old', value: '+1 500 555 0001' }])
  t.notMatch(wordsOf(await manager.get(pageOf(id, ''))), /Contacts \+/)
})

t.test('what cannot be used is told at its field, and nothing is saved', async t => {
  const before = await stored(ward)
  const refused = await manager.send(pageOf(ward), { ...typed, phone: 'ask', email: 'x', url: 'ward', city: '' })
  t.equal(refused.status, 422)
  t.match(
    wordsOf(refused),
    /Write one phone number in digits.* Write an address as name@example\.org Write the whole address of a page.* Enter the town or city, or leave the whole postal address empty/,
  )
  t.match(refused.body, /name="url"[^>]*value="ward"/)
  t.same(await stored(ward), before)
})

t.test('of two who change them at once the second is shown what is stored, with what they typed', async t => {
  const opened = await administrator.get(pageOf(ward))
  const version = /name="version" value="([^"]*)"/.exec(opened.body)?.[1] ?? ''
  await manager.send(pageOf(ward), { ...typed, phone: '+1 500 555 0010' })
  const late = await administrator.send(pageOf(ward), { ...typed, phone: '+1 500 555 0011', version })
  t.equal(late.status, 409)
  t.match(wordsOf(late), /Nothing was saved: somebody else has changed the organization.*Now it says: \+1 500 555 0010/)
  t.match(late.body, /name="phone"[^>]*value="\+1 500 555 0011"/)
  t.match(await administrator.send(pageOf(ward), { ...typed, phone: '+1 500 555 0011' }), { status: 303 })
  t.match((await stored(ward)).telecom?.[0], { value: '+1 500 555 0011' })
})

t.test(
  'whoever manages an organization without the one above it sees its contacts and does not change them',
  async t => {
    const below = people['manager of the ward']
    t.notMatch((await below.get(pageOf(ward, ''))).body, 'Edit contacts')
    t.equal((await below.get(pageOf(ward))).status, 404)
  },
)
