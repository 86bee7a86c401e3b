import type { Practitioner } from '@medplum/fhirtypes'
import t from 'tap'
import { organizationRole } from '../../../src/access/vocabulary.ts'
import { wordsOf } from '../../support/browser.ts'
import { openTenants } from '../tenants.ts'

const world = await openTenants()
const { server, create, send, lab, ward, clinic, people, ann, account, browserOf } = world
const { manager, administrator } = people
t.teardown(() => server.close())

const page = `/organizations/${lab.organization}/people`
const stored = async (id: string): Promise<Practitioner> =>
  (await send('everything', 'GET', `Practitioner/${id}`)).json()
const roleIn = async (practitioner: string, organization: string, code = 'member'): Promise<string> =>
  (
    await create('everything', {
      resourceType: 'PractitionerRole',
      practitioner: { reference: `Practitioner/${practitioner}` },
      organization: { reference: `Organization/${organization}` },
      code: [{ coding: [{ system: organizationRole, code }] }],
    })
  ).id
/** Somebody whom the lab knows, with a role there. */
const colleague = async (more: Partial<Practitioner> = {}) => {
  const { id } = await create(lab.manager, {
    resourceType: 'Practitioner',
    name: [{ use: 'official', family: 'Brant', given: ['Helen'] }, { text: 'H. B.' }],
    telecom: [{ system: 'email', use: 'work', value: 'helen@example.org' }],
    ...more,
  })
  return { id, at: `${page}/${await roleIn(id, lab.organization)}` }
}

t.test('a manager puts right a misspelt name and adds a phone number, and patients are shown both', async t => {
  const { id, at } = await colleague()
  t.match((await manager.get(at)).body, `href="${at}/details"`)
  t.match((await manager.get(`${at}/details`)).body, /name="name"[^>]*value="Helen Brant"/)
  const sent = { name: ' Helen  Brandt', phone: '+1 500 555 0006', email: 'helen@example.org' }
  t.match(await manager.send(`${at}/details`, sent), { status: 303, location: `${page}?done=details` })
  const { name, telecom } = await stored(id)
  t.same(
    { name, telecom },
    {
      name: [{ use: 'official', text: 'Helen Brandt' }, { text: 'H. B.' }],
      telecom: [
        { system: 'email', use: 'work', value: 'helen@example.org' },
        { system: 'phone', use: 'work', value: '+1 500 555 0006' },
      ],
    },
  )
  t.match(
    wordsOf(await manager.get(`${page}?done=details&name=brandt`)),
    /The name and the contacts have been saved\. .*Helen Brandt Member helen@example\.org, \+1 500 555 0006/,
  )
  const patient = await browserOf(await account(ann))
  t.match(
    wordsOf(await patient.get(`/sharing/with/practitioner/${id}`)),
    /Helen Brandt .* How to reach them helen@example\.org \+1 500 555 0006/,
  )
})

t.test('a name that stays keeps its parts, and contacts may be empty', async t => {
  const { id, at } = await colleague()
  t.match(await manager.send(`${at}/details`, { name: 'Helen Brant', email: '' }), { status: 303 })
  const { name, telecom } = await stored(id)
  t.same(
    { name: name?.[0], telecom },
    { name: { use: 'official', family: 'Brant', given: ['Helen'] }, telecom: undefined },
  )
})

t.test('what is wrong is told at its field, and nothing is saved', async t => {
  const { id, at } = await colleague()
  const before = await stored(id)
  const refused = await manager.send(`${at}/details`, { name: ' ', phone: 'x', email: 'y' })
  t.equal(refused.status, 422)
  t.match(
    wordsOf(refused),
    /Enter a name Write one phone number in digits, such as .* Write an address as name@example\.org/,
  )
  t.match(await manager.send(`${at}/details`, { name: 'x'.repeat(201) }), {
    status: 422,
    body: /Enter a name of at most 200 characters/,
  })
  t.same(await stored(id), before)
})

t.test('of two who change it at once the second is shown what is stored', async t => {
  const { at } = await colleague()
  const version = /name="version" value="([^"]*)"/.exec((await administrator.get(`${at}/details`)).body)?.[1] ?? ''
  await manager.send(`${at}/details`, { name: 'Helen B' })
  const late = await administrator.send(`${at}/details`, { name: 'Helen C', version })
  t.equal(late.status, 409)
  t.match(wordsOf(late), /Nothing was saved: somebody else has changed this.*Now it says: Helen B/)
  t.match(late.body, /name="name"[^>]*value="Helen C"/)
})

t.test('a manager changes their own as well, though never their own role', async t => {
  const { id } = await colleague({ name: [{ text: 'Hedda' }] })
  await roleIn(id, lab.organization, 'manager')
  const link = [{ target: { reference: `Practitioner/${id}` } }]
  const person = await create('everything', { resourceType: 'Person', name: [{ text: 'Helen' }], link })
  const own = await browserOf(person.id)
  const at = `${page}?name=hedda`
  const [, details = ''] = /href="([^"?]*\/details)[?"]/.exec((await own.get(at)).body) ?? []
  t.match(wordsOf(await own.get(details)), /As this, colleagues know you,/)
  t.equal((await own.get(details.replace('/details', ''))).status, 404)
  t.match(await own.send(details, { name: 'Hedda Berg' }), { status: 303 })
  t.match(wordsOf(await own.get(at)), /Hedda Berg \(you\) Manager/)
  t.notMatch((await people.viewer.get(at)).body, '/details')
})

t.test(
  'whoever came through an organization that is not theirs to manage is not theirs to change: they are told who does',
  async t => {
    const { id } = await colleague()
    const inWard = await roleIn(id, ward)
    const below = people['manager of the ward']
    const at = `/organizations/${ward}/people/${inWard}/details`
    const person = `/organizations/${ward}/people/${inWard}`
    t.match((await below.get(person)).body, `<a href="${at}">Name and contacts of Helen Brant</a>`)
    t.match((await manager.get(person)).body, `<a href="${at}">Change the name and contacts of Helen Brant</a>`)
    const shown = await below.get(at)
    t.match(
      wordsOf(shown),
      /Helen Brant This is not yours to change\. If Helen Brant came .* administrator of this installation does\. Name Helen Brant Phone Not recorded E-mail address helen@example\.org/,
      'they are told before they type anything',
    )
    t.notMatch(shown.body, /name="name"/)
    /** A form that was shown when it was still theirs. */
    const late = async (who: typeof below, form: string, name: string) => {
      const [, _csrf = ''] = /name="_csrf" value="([^"]*)"/.exec((await who.get(form)).body) ?? []
      return who.post(form, { _csrf, name, phone: '', email: 'helen@example.org', version: '1' })
    }
    const refused = await late(below, at, 'Helen Ward')
    t.equal(refused.status, 403, 'and are told again if they have typed it before')
    t.match(
      wordsOf(refused),
      /Nothing was saved\. This is not yours to change\. If Helen Brant came to this installation through an organization that you do not manage, a manager there changes it; if they work in another institution too, only an administrator of this installation does\./,
    )
    t.match(refused.body, /name="name"[^>]*value="Helen Ward"/)
    const inClinic = await roleIn(id, clinic.organization)
    const there = `/organizations/${clinic.organization}/people/${inClinic}/details`
    for (const [who, form] of [
      [manager, at],
      [people['manager of another tenant'], there],
    ] as const)
      t.equal((await late(who, form, 'Helen Lab')).status, 403, 'nor of either tenant, if they work in two')
    t.match(await administrator.send(at, { name: 'Helen Brandt' }), { status: 303 })
    t.match((await stored(id)).name?.[0], { text: 'Helen Brandt' })
  },
)
