import type { Organization } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions } from '../../../src/fhir/canonical.ts'
import { type Browser, openBrowser, wordsOf } from '../../support/browser.ts'
import { serverOver } from '../../support/server-over.ts'
import { openBreakingWire } from '../../support/wire.ts'
import { looseNarrative } from '../loose-narrative.ts'
import { openTenants } from '../tenants.ts'

const world = await openTenants()
const { server, database, create, send, lab, ward, clinic, people } = world
const { manager, administrator } = people
t.teardown(() => server.close())

const pageOf = (organization: string, more = '') => `/organizations/${organization}${more}`
const stored = async (id: string): Promise<Organization> =>
  (await send('everything', 'GET', `Organization/${id}`)).json()
const versionOf = async (id: string) => (await stored(id)).meta?.versionId
const made = async (by: Browser, above: string, name: string, type = '') => {
  const { status, location = '' } = await by.send(pageOf(above, '/new'), { name, type })
  t.equal(status, 303, name)
  return /^\/organizations\/([^?]+)\?done=made$/.exec(location)?.[1] ?? ''
}
const treeOf = async (by: Browser, query = '') => {
  const words = wordsOf(await by.get(`/organizations${query}`))
  return words.slice(words.indexOf('Include closed') + 'Include closed organizations Find '.length)
}

t.test('an administrator makes a root, its manager builds below it, and all are resources with a history', async t => {
  const { status, location = '' } = await administrator.send('/organizations/new', { name: ' Hill  ', type: 'edu' })
  t.equal(status, 303)
  const hill = location.split('/')[2]?.split('?')[0] ?? ''
  t.has(await stored(hill), {
    resourceType: 'Organization',
    active: true,
    name: 'Hill',
    type: [
      {
        coding: [
          {
            system: 'http://terminology.hl7.org/CodeSystem/organization-type',
            code: 'edu',
            display: 'Educational Institute',
          },
        ],
      },
    ],
    partOf: undefined,
  })
  t.match(
    wordsOf(await administrator.get(location)),
    /Hill The organization has been added\. Now invite the people who work there ?\. .* Educational Institute/,
  )
  t.match((await administrator.get(location)).body, /<a href="[^"]*\/people\/invite">invite the people/)
  const desk = await made(manager, ward, 'Desk', 'team')
  t.match(await stored(desk), { name: 'Desk', partOf: { reference: `Organization/${ward}` } })
  const shown = wordsOf(await manager.get(pageOf(ward)))
  t.match(shown, /Organizations lab Ward &lt;1&gt; People 1 role .* Organizations below it Desk Organizational team/)
})

t.test('invisible characters that were pasted are left out of a name, and do not prevent saving it', async t => {
  const bench = await made(manager, ward, 'Bench\u000bof\u0007 Ada\u0000')
  t.equal((await stored(bench)).name, 'Bench of  Ada')
  t.equal((await manager.send(pageOf(bench, '/close'), {})).status, 303)
})

t.test('a name with an apostrophe is found however the apostrophe is typed', async t => {
  const marys = await made(manager, ward, 'Mary’s')
  for (const typed of ["mary's", 'Mary’s', 'mary´s'])
    t.match(await treeOf(manager, `?name=${encodeURIComponent(typed)}`), 'Mary’s', typed)
  t.equal((await manager.send(pageOf(marys, '/close'), {})).status, 303)
})

t.test('the tree shows to each what they may see, and searching by name shows what is above, too', async t => {
  t.equal(await treeOf(people.viewer), 'lab Ward &lt;1&gt; Desk Organizational team')
  t.equal(await treeOf(people['manager of another tenant']), 'clinic')
  t.equal(await treeOf(administrator), 'clinic Hill Educational Institute lab Ward &lt;1&gt; Desk Organizational team')
  t.equal(await treeOf(administrator, '?name=DÉSK'), 'lab Ward &lt;1&gt; Desk Organizational team')
  t.equal(await treeOf(administrator, '?name=nobody'), 'No organization that you can see has this in its name.')
  t.equal((await people.patient.get('/organizations')).status, 404)
})

t.test('somebody whose only organization is closed is not told that they belong to none', async t => {
  const alone = people['manager of another tenant']
  t.match(await alone.send(pageOf(world.clinic.organization, '/close'), {}), { status: 303 })
  t.match(await treeOf(alone), /^There are no organizations that you can see, except any that are closed\./)
  t.match(await alone.send(pageOf(world.clinic.organization, '/open'), {}), { status: 303 })
})

t.test('hundreds of organizations are shown a hundred at a time, each with what it is part of', async t => {
  const root = await create('everything', { resourceType: 'Organization', name: 'Zone' })
  const entry = Array.from({ length: 250 }, (_, index) => ({
    request: { method: 'POST' as const, url: 'Organization' },
    resource: {
      resourceType: 'Organization' as const,
      name: `Unit ${String(index).padStart(3, '0')}`,
      partOf: { reference: `Organization/${root.id}` },
    },
  }))
  const answer = await send('everything', 'POST', '', { resourceType: 'Bundle', type: 'transaction', entry })
  t.equal(answer.statusCode, 200)
  t.match(await treeOf(administrator, '?name=unit'), /^Zone Unit 000 Unit 001 .* Unit 099 Page 1 of 3 Next page$/)
  t.match(await treeOf(administrator, '?name=unit&page=3'), /^Zone Unit 200 .* Unit 249 Page 3 of 3 Previous page$/)
  t.match((await administrator.get('/organizations?name=unit&page=3')).body, '<title>Organizations, page 3 –')
  t.match(await treeOf(administrator, '?name=unit&page=nine'), /Page 1 of 3/)
  t.match(
    wordsOf(await administrator.get(pageOf(root.id))),
    /Unit 049 There are more: find them in the list of organizations/,
  )
})

t.test(
  'organizations are listed by name, by type, or by which was added last, each below the one it is part of',
  async t => {
    const made = async (name: string, code: string, partOf?: string) =>
      (
        await create('everything', {
          resourceType: 'Organization',
          name,
          type: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/organization-type', code }] }],
          ...(partOf !== undefined && { partOf: { reference: `Organization/${partOf}` } }),
        })
      ).id
    const top = await made('Sorted top', 'prov')
    for (const [name, code] of [
      ['Sorted b', 'team'],
      ['Sorted c', 'dept'],
      ['Sorted a', 'team'],
    ] as const)
      await made(name, code, top)
    const listed = async (sort: string) =>
      [...wordsOf(await administrator.get(`/organizations?name=sorted&sort=${sort}`)).matchAll(/Sorted (\w+)/g)].map(
        ([, name]) => name,
      )
    t.same(await listed(''), ['top', 'a', 'b', 'c'])
    t.same(await listed('name'), ['top', 'a', 'b', 'c'])
    t.same(await listed('type'), ['top', 'c', 'a', 'b'])
    t.same(await listed('made'), ['top', 'a', 'c', 'b'])
    const unknown = await administrator.get('/organizations?sort=size')
    t.match(unknown.body, '<title>Problem: Organizations')
    t.match(unknown.body, 'There is no such order. Choose one of these: Name; Type, then name; Last added first')
  },
)

t.test('numbers in names are sorted as numbers', async t => {
  const { id } = await create('everything', { resourceType: 'Organization', name: 'Floors' })
  for (const name of ['Floor 10', 'Floor 2', 'floor 1'])
    await create('everything', { resourceType: 'Organization', name, partOf: { reference: `Organization/${id}` } })
  t.match(await treeOf(administrator, '?name=floor'), /^Floors floor 1 Floor 2 Floor 10/)
  t.match(wordsOf(await administrator.get(pageOf(id))), /floor 1 Floor 2 Floor 10/)
})

t.test('a form with mistakes is shown again with what was typed, and the mistakes at their fields', async t => {
  const wrong = await manager.send(pageOf(lab.organization, '/new'), { name: '  ', type: 'palace' })
  t.equal(wrong.status, 422)
  t.match(wordsOf(wrong), /Please check what you entered Enter a name Choose one from the list/)
  t.match(wrong.body, /aria-invalid="true"/)
  const long = await administrator.send('/organizations/new', { name: 'x'.repeat(201), type: 'edu' })
  t.match(wordsOf(long), /Enter a name of at most 200 characters/)
  t.match(long.body, new RegExp(`value="${'x'.repeat(201)}"`))
  t.match(long.body, /<option value="edu" selected>/)
})

t.test('its name can be changed, and its other types stay', async t => {
  const other = { text: 'Sleep laboratory' }
  const { id } = await create('everything', {
    resourceType: 'Organization',
    name: 'Slepe',
    type: [other],
    partOf: { reference: `Organization/${lab.organization}` },
  })
  const page = pageOf(id, '/change')
  t.match(await manager.send(page, { name: 'Sleep', type: 'dept' }), {
    status: 303,
    location: `${pageOf(id)}?done=changed`,
  })
  t.match(await stored(id), { name: 'Sleep', type: [{ coding: [{ code: 'dept' }] }, other] })
  t.match(await manager.send(page, { name: 'Sleep', type: '' }), { status: 303 })
  t.strictSame((await stored(id)).type, [other])
})

t.test('a change that is done is answered as done, also if the database goes away right after it', async t => {
  const wire = await openBreakingWire(world.url)
  const breaking = await serverOver(t, wire)
  const own = openBrowser(breaking)
  own.cookies.set('sharewell-session', manager.cookies.get('sharewell-session') ?? '')
  const id = await made(manager, ward, 'Before')
  wire.cutBefore('SELECT WHERE EXISTS (SELECT FROM user_session')
  const changed = await own.send(pageOf(id, '/change'), { name: 'After', type: '' })
  t.match(changed, { status: 303, location: `${pageOf(id)}?done=changed` })
  t.equal((await stored(id)).name, 'After')
})

t.test('what an extension says of its name stays with it, and goes when the name is changed', async t => {
  const beside = { extension: [{ url: 'http://example.org/said', valueString: 'as it was founded' }] }
  const { id } = await create('everything', {
    resourceType: 'Organization',
    name: 'Sleep',
    _name: beside,
    partOf: { reference: `Organization/${lab.organization}` },
  } as Organization)
  const page = pageOf(id, '/change')
  const named = async (name: string, type = '') => {
    t.equal((await manager.send(page, { name, type })).status, 303)
    const { _name } = (await stored(id)) as { _name?: object }
    return _name
  }
  t.same(await named('Sleep', 'dept'), beside)
  t.equal(await named('Dreams', 'dept'), undefined)
  await send('everything', 'PUT', `Organization/${id}`, { ...(await stored(id)), active: false })
})

t.test('a narrative from before narratives had to be XML does not prevent changing it', async t => {
  const id = await made(manager, lab.organization, 'Told')
  const text = await looseNarrative(database, 'Organization', id)
  t.match(await manager.send(pageOf(id, '/change'), { name: 'Retold', type: '' }), { status: 303 })
  t.match(await stored(id), { name: 'Retold', text })
  const headers = { authorization: 'Bearer everything' }
  t.equal((await server.inject({ method: 'DELETE', url: `/fhir/Organization/${id}`, headers })).statusCode, 204)
})

t.test('other codes and texts of a type stay when the one beside them changes', async t => {
  const system = 'http://terminology.hl7.org/CodeSystem/organization-type'
  const cardiology = { system: 'urn:own', code: 'cardiology' }
  const changedTo = async (code: string, type: readonly object[]) => {
    const { id } = await create('everything', {
      resourceType: 'Organization',
      name: 'Heart',
      type: type as never,
      partOf: { reference: `Organization/${lab.organization}` },
    })
    const answer = await manager.send(pageOf(id, '/change'), { name: 'Heart', type: code })
    t.equal(answer.status, 303)
    const { type: changed } = await stored(id)
    t.equal((await manager.send(pageOf(id, '/close'), {})).status, 303)
    return changed
  }
  const dept = { system, code: 'dept', display: 'Hospital Department' }
  const concept = { coding: [{ system, code: 'prov' }, cardiology], text: 'Heart centre' }
  t.strictSame(await changedTo('dept', [concept]), [{ coding: [dept, cardiology], text: 'Heart centre' }])
  t.strictSame(await changedTo('', [concept]), [{ coding: [cardiology], text: 'Heart centre' }])
  t.strictSame(await changedTo('prov', [concept]), [concept], 'what is chosen again stays as it was')
  const plain = { coding: [{ system, code: 'prov' }], text: 'Healthcare Provider' }
  t.strictSame(await changedTo('dept', [plain, concept]), [
    { coding: [dept] },
    { coding: [cardiology], text: 'Heart centre' },
  ])
  t.strictSame(await changedTo('', [plain]), undefined)
})

t.test(
  'what somebody else changed meanwhile is not overwritten: the page says so, and keeps what was typed',
  async t => {
    const page = pageOf(ward, '/change')
    const version = await versionOf(ward)
    const update = { ...(await stored(ward)), name: 'Ward 2' }
    t.equal((await send('everything', 'PUT', `Organization/${ward}`, update)).statusCode, 200)
    const { body } = await manager.get(page)
    const token = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
    const fields = { _csrf: token, name: 'Ward of mine', type: 'dept', version: version ?? '' }
    for (const [action, more] of [
      ['change', { name: 'Ward of mine', type: 'dept' }],
      ['move', { parent: lab.organization }],
      ['close', {}],
    ] as const) {
      const late = await manager.post(pageOf(ward, `/${action}`), { ...fields, ...more })
      t.equal(late.status, 409, action)
      t.match(wordsOf(late), /Somebody else has changed/, action)
    }
    t.equal((await stored(ward)).name, 'Ward 2')
    const late = await manager.post(page, fields)
    t.match(wordsOf(late), /Name Now it says: Ward 2 Type Now it says: Not specified /)
    t.match(late.body, /value="Ward of mine"/)
    t.match(late.body, /<option value="dept" selected>/)
    const again = /name="version" value="([^"]*)"/.exec(late.body)?.[1] ?? ''
    t.match(await manager.post(page, { ...fields, version: again }), { status: 303 })
    t.equal((await stored(ward)).name, 'Ward of mine')
  },
)

t.test('it can ask everybody who works in it for a second factor, and stop asking', async t => {
  const { id: organization } = await create('everything', { resourceType: 'Organization', name: 'Guarded' })
  const page = pageOf(organization, '/change')
  const member = await world.browserOf(await world.staff(organization, 'member'))
  t.equal((await member.get('/account')).status, 200)
  const fields = { name: 'Guarded', type: '' }
  t.match(await administrator.send(page, { ...fields, 'second-factor': 'yes' }), { status: 303 })
  t.strictSame((await stored(organization)).extension, [{ url: extensions.secondFactor, valueBoolean: true }])
  t.match((await administrator.get(page)).body, 'name="second-factor" value="yes" checked')
  t.match(
    wordsOf(await administrator.get(pageOf(organization))),
    /Everybody who works in it, or below it, needs a second/,
  )
  t.match(await member.get('/account'), { status: 303, location: /^\/sign-in/ }, 'somebody without one is signed out')
  t.match(await administrator.send(page, fields), { status: 303 })
  t.equal((await stored(organization)).extension, undefined)
})

t.test(
  'somebody who requires a second factor of themselves is told that it is saved, and why they are signed out',
  async t => {
    const { id } = await create('everything', { resourceType: 'Organization', name: 'Strict' })
    const own = await world.browserOf(await world.staff(id, 'manager'))
    const asked = { name: 'Strict', type: '', 'second-factor': 'yes' }
    const { status, location = '' } = await own.send(pageOf(id, '/change'), asked)
    t.same([status, location], [303, `/sign-in?continue=${encodeURIComponent(pageOf(id))}&second-factor`])
    t.match(
      wordsOf(await own.get(location)),
      /What you entered is saved\. From now on you need a second factor yourself/,
    )
    t.strictSame((await stored(id)).extension, [{ url: extensions.secondFactor, valueBoolean: true }])
  },
)

t.test('it moves with everything below it, within its tree, and never below itself', async t => {
  const one = await made(manager, lab.organization, 'One')
  const two = await made(manager, lab.organization, 'Two')
  const below = await made(manager, one, 'Below one')
  const page = pageOf(one, '/move')
  const places = [...(await manager.get(page)).body.matchAll(/<option value="([^"]+)"/g)].map(([, id]) => id)
  t.ok(places.includes(two) && places.includes(lab.organization))
  for (const refused of [one, below, clinic.organization, 'nowhere'])
    t.match(
      await manager.send(page, { parent: refused }),
      { status: 422, body: /Choose an organization from the list/ },
      refused,
    )
  t.match(
    await manager.send(page, { parent: lab.organization }),
    { status: 422, body: /It is part of that one already: choose another/ },
    'what has not moved is not said to have',
  )
  t.match(await manager.send(page, { parent: two }), { status: 303, location: `${pageOf(one)}?done=moved` })
  t.match(await stored(one), { partOf: { reference: `Organization/${two}` } })
  t.match(wordsOf(await manager.get(pageOf(below))), /^.*Organizations lab Two One Below one/)
  t.equal((await manager.get(pageOf(lab.organization, '/move'))).status, 404, 'a root stays where it is')
})

t.test('closing it first says what still depends on it, and it can be opened again', async t => {
  const closing = wordsOf(await manager.get(pageOf(lab.organization, '/close')))
  t.match(
    closing,
    /What still depends on it 3 organizations below it that are not closed 6 roles that people have in it 1 study that is not over/,
  )
  const empty = await made(manager, lab.organization, 'Empty')
  const page = pageOf(empty, '/close')
  t.match(
    wordsOf(await manager.get(page)),
    /Nothing that you can see depends on it any more\. Studies are shown only to those/,
  )
  const study = await create('everything', {
    resourceType: 'ResearchStudy' as const,
    status: 'closed-to-accrual-and-intervention' as const,
    sponsor: { reference: `Organization/${empty}` },
  })
  t.match(wordsOf(await manager.get(page)), /1 study that is not over/, 'what was shared with it is still read')
  await world.update('everything', { ...study, status: 'completed' as const })
  const overtaken = await manager.send(page, { version: '0' })
  t.match([overtaken.status, wordsOf(overtaken)], [409, /changed it .*\. Look at it again before you decide\./])
  t.match(await manager.send(page, {}), { status: 303, location: `${pageOf(empty)}?done=closed` })
  t.equal((await stored(empty)).active, false)
  t.notMatch(await treeOf(manager), /Empty/)
  t.match(await treeOf(manager, '?closed=yes'), /Empty Closed/)
  const shown = wordsOf(await manager.get(pageOf(empty)))
  t.match(shown, /Closed Nothing new can be started here/)
  t.notMatch(shown, /Add an organization below it|add a department|set them up/)
  t.equal((await manager.get(pageOf(empty, '/new'))).status, 404)
  t.match(await manager.send(pageOf(empty, '/open'), {}), { status: 303, location: `${pageOf(empty)}?done=opened` })
  t.equal((await stored(empty)).active, true)
})

t.test('what is typed into the form of an organization is kept if the one above it is closed meanwhile', async t => {
  const closing = await made(manager, lab.organization, 'Closing soon')
  const shown = await manager.get(pageOf(closing, '/new'))
  const _csrf = /name="_csrf" value="([^"]*)"/.exec(shown.body)?.[1] ?? ''
  t.match(await manager.send(pageOf(closing, '/close'), {}), { status: 303 })
  const entered = { _csrf, name: 'Team', type: 'team', 'second-factor': 'yes', version: '' }
  const late = await manager.post(pageOf(closing, '/new'), entered)
  t.match(late, { status: 409, body: /name="name"[^>]* value="Team"/ })
  t.match(late.body, /<option value="team" selected>/)
  t.match(
    wordsOf(late),
    /^.*Closing soon has been closed, so nothing is added below it\. What you entered is still below/,
  )
  t.match(await manager.post(pageOf(closing, '/new'), { ...entered, name: '' }), {
    status: 422,
    body: /Closing soon has been closed/,
  })
  t.match(await manager.send(pageOf(closing, '/open'), {}), { status: 303 })
  const again = await manager.post(pageOf(closing, '/new'), entered)
  t.match(again, { status: 303, location: /^\/organizations\/[^/]+\?done=made$/ })
})

t.test('managers change what is below theirs, and of a root itself, as with FHIR', async t => {
  const wards = people['manager of the ward']
  t.equal((await wards.get(pageOf(ward, '/new'))).status, 200)
  t.equal((await wards.get(pageOf(ward, '/change'))).status, 404, 'that is for managers of what it is part of')
  t.equal((await manager.get(pageOf(lab.organization, '/change'))).status, 200)
  t.equal((await manager.get('/organizations/new')).status, 404)
  for (const who of ['member', 'viewer', 'privacy officer'] as const) {
    const shown = wordsOf(await people[who].get(pageOf(lab.organization)))
    t.notMatch(shown, /Add an organization|Edit details|Apps and backend/, who)
    t.equal(shown.includes('Create a study'), who === 'member', who)
  }
})

t.test(
  'it cannot move where its people would read what was consented to without them; the page names the studies',
  async t => {
    const heart = await made(manager, lab.organization, 'Heart research')
    const sales = await made(manager, lab.organization, 'Sales')
    await world.staff(sales, 'viewer')
    const member = await world.token({
      subject: { kind: 'user', person: await world.staff(heart, 'manager') },
      scope: 'user/*.cruds',
    })
    const { id } = await world.newStudy(member, heart, 'Beats', ['omh:heart-rate'])
    await world.participant(member, heart, id, ['omh:heart-rate'], 'Vic')
    const page = pageOf(sales, '/move')
    const refused = await manager.send(page, { parent: heart })
    t.equal(refused.status, 422)
    t.match(
      wordsOf(refused),
      /Please check what you entered People who work in it, or below it, would read what was consented to Beats without them: it can move there/,
    )
    t.match(refused.body, `<option value="${heart}" selected>`)
    t.match(refused.body, /aria-describedby="parent-problem"/)
    t.match(await stored(sales), { partOf: { reference: `Organization/${lab.organization}` } })
  },
)

t.test('in a closed organization no study is made and no patient registered until it is open again', async t => {
  const closing = await made(manager, lab.organization, 'Closing')
  const other = await made(manager, lab.organization, 'Other')
  const one = await world.browserOf(await world.staff(closing, 'member'))
  const both = await world.browserOf(await world.staff([closing, other], 'member'))
  const newStudy = pageOf(closing, '/studies/new')
  const facts = { title: 'New', description: 'Words', identity: 'coded', access: 'staff' }
  const patient = {
    family: 'New',
    given: 'Nia',
    birthDate: '1970-01-01',
    identifiers: '',
    email: '',
    mobile: '',
    language: '',
  }
  const seenBy = async (browser: Browser) => ({
    studies: [...(await browser.get('/studies')).body.matchAll(/A new study of (\w+)/g)].map(([, name]) => name),
    'new study': (await browser.get(newStudy)).status,
    'new patient': (await browser.get('/patients/new')).status,
    registers: /Register/.test(wordsOf(await browser.get('/patients'))),
  })
  const open = { studies: ['Closing'], 'new study': 200, 'new patient': 200, registers: true }
  t.strictSame(await seenBy(one), open)
  const whole = { ...facts, purpose: 'Why', approval: '', start: '', end: '', contact: '' }
  const { location = '' } = await one.send(newStudy, whole)
  const enrolment = `${/^\/studies\/[^/?]+/.exec(location)?.[0]}/enrolment`
  t.match(wordsOf(await one.get(enrolment)), /Register a new patient/)
  const shown = await both.get('/patients/new')
  const oneCsrf = /name="_csrf" value="([^"]*)"/.exec((await one.get('/patients/new')).body)?.[1] ?? ''
  t.match(await manager.send(pageOf(closing, '/close'), {}), { status: 303 })
  t.strictSame(await seenBy(one), { studies: [], 'new study': 404, 'new patient': 404, registers: false })
  t.notMatch(wordsOf(await one.get(enrolment)), /Register a/, 'nothing leads to where nobody can be registered')
  t.strictSame(await seenBy(both), { studies: ['Other'], 'new study': 404, 'new patient': 200, registers: true })
  const _csrf = /name="_csrf" value="([^"]*)"/.exec(shown.body)?.[1] ?? ''
  const lateStudy = await both.post(newStudy, { _csrf, ...whole })
  t.match(lateStudy, { status: 409, body: /name="title"[^>]* value="New"/ })
  t.match(lateStudy.body, /name="identity" value="coded" checked/)
  t.match(wordsOf(lateStudy), /Closing has been closed, so no study is created in it\. What you entered is still below/)
  t.match(await both.post(newStudy, { _csrf, ...whole, title: '' }), { status: 422, body: /Closing has been closed/ })
  const late = { _csrf, ...patient, organization: closing }
  const again = await both.post('/patients/new', late)
  t.match(again, { status: 409, body: new RegExp(`name="given"[^>]* value="${patient.given}"`) })
  t.match(wordsOf(again), /Closing has been closed, so nobody is registered in it\. .* choose another organization/)
  t.match(again.body, new RegExp(`<option value="${closing}" selected>Closing \\(closed\\)</option>`))
  const alone = await one.post('/patients/new', { ...late, _csrf: oneCsrf })
  t.match(alone, { status: 409, body: new RegExp(`name="given"[^>]* value="${patient.given}"`) })
  t.match(wordsOf(alone), /What you entered is still below\. .*Registered by Closing/)
  t.match(await both.post('/patients/new', { ...late, family: '' }), { status: 422, body: /Closing has been closed/ })
  t.match(await both.post('/patients/new', { _csrf, ...patient, organization: other }), { status: 303 })
  t.match(await manager.send(pageOf(closing, '/open'), {}), { status: 303 })
  t.strictSame(await seenBy(one), open)
})
