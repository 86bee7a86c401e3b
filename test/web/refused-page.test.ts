import type { AuditEvent } from '@medplum/fhirtypes'
import t from 'tap'
import { auditKeyOf } from '../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../src/storage/audit/seal/seal.ts'
import { sql } from '../../src/storage/sql.ts'
import { type Browser, openBrowser, type Shown, wordsOf } from '../support/browser.ts'
import { openTenants } from './tenants.ts'

const world = await openTenants()
t.teardown(() => world.server.close())
const { database, people, persons, lab, clinic, carl, ann } = world

const requestOf = ({ headers }: Shown) => String(headers['x-request-id'])
const recordedOf = (shown: Shown) =>
  database.any(sql.fragment`
    SELECT person, client, interaction, type, resource, patients, outcome FROM audit_record
    WHERE request = ${requestOf(shown)} AND outcome >= 400`)
const csrfOf = async (browser: Browser) =>
  /name="_csrf" value="([^"]*)"/.exec((await browser.get('/account')).body)?.[1] ?? ''

t.test('whoever is refused by a page is recorded, with what they asked for and which thing', async t => {
  const { member } = people
  const _csrf = await csrfOf(member)
  const ofClinic = { type: 'Organization', resource: clinic.organization }
  const ofStudy = { type: 'ResearchStudy', resource: clinic.study }
  const nothing = { type: null, resource: null }
  for (const [method, path, thing] of [
    ['GET', '/system', nothing],
    ['GET', '/system/events', nothing],
    ['GET', '/audit', { type: 'AuditEvent', resource: null }],
    ['GET', '/audit/events.csv', { type: 'AuditEvent', resource: null }],
    ['GET', '/devices/new', { type: 'Device', resource: null }],
    ['GET', '/patients/imports/none', { type: 'Patient', resource: null }],
    ['GET', `/patients/${carl}`, { type: 'Patient', resource: carl }],
    ['GET', `/organizations/${clinic.organization}/apps`, ofClinic],
    ['GET', `/organizations/${clinic.organization}/ehrs`, ofClinic],
    ['GET', `/organizations/${clinic.organization}/people`, ofClinic],
    ['GET', `/organizations/Ben%20Okafor/apps`, { type: 'Organization', resource: null }],
    ['GET', '/organizations/%F0%9F%98%80/apps', { type: 'Organization', resource: null }],
    ['POST', `/organizations/${clinic.organization}/apps/new`, ofClinic],
    ['POST', `/organizations/${lab.organization}/people/invite`, { ...ofClinic, resource: lab.organization }],
    ['POST', `/studies/${clinic.study}/settings/staff`, ofStudy],
  ] as const) {
    const shown = await (method === 'GET' ? member.get(path) : member.post(path, { _csrf }))
    t.equal(shown.status, 404, path)
    const interaction = method === 'GET' ? 'read' : 'update'
    t.same(
      await recordedOf(shown),
      [{ person: persons.member, client: 'pages', interaction, ...thing, patients: [], outcome: 404 }],
      `${method} ${path}`,
    )
  }
})

t.test(
  'refusals with a page of their own are recorded, too, and so are forms that did not come from our pages',
  async t => {
    const { member } = people
    const closed = await member.post('/account/email', { _csrf: await csrfOf(member) })
    t.match(wordsOf(closed), 'Choose a password first')
    t.same(
      [closed.status, await recordedOf(closed)],
      [
        403,
        [
          {
            person: persons.member,
            client: 'pages',
            interaction: 'update',
            type: null,
            resource: null,
            patients: [],
            outcome: 403,
          },
        ],
      ],
    )
    const shown = await people.member.post(`/organizations/${lab.organization}/close`, {})
    t.equal(shown.status, 403)
    t.match(await recordedOf(shown), [
      { person: persons.member, interaction: 'update', type: 'Organization', resource: lab.organization, outcome: 403 },
    ])
  },
)

t.test('unknown addresses, files, and requests by nobody are not recorded', async t => {
  const before = await database.one(sql.fragment`SELECT count(*)::integer AS rows FROM audit_record`)
  for (const path of [
    '/nowhere',
    '/studies/x/y/z',
    '/static/',
    '/static/nothing.js',
    '/patients/100%',
    '/docs/static/x',
  ])
    t.ok([400, 404].includes((await people.member.get(path)).status), path)
  t.equal((await openBrowser(world.server).post('/sign-in', {})).status, 403)
  t.same(await database.one(sql.fragment`SELECT count(*)::integer AS rows FROM audit_record`), before)
})

t.test('if a refusal cannot be recorded the page says that nothing can be answered now', async t => {
  await database.run(sql.fragment`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the disk is full'; END $$`)
  await database.run(sql.fragment`
    CREATE TRIGGER refuse BEFORE INSERT ON audit_record FOR EACH ROW EXECUTE FUNCTION refuse()`)
  const shown = await people.member.get('/system')
  await database.run(sql.fragment`DROP TRIGGER refuse ON audit_record`)
  t.match([shown.status, shown.headers['retry-after']], [503, '2'])
  t.match(shown.headers['content-type'], 'text/html')
  t.notMatch(wordsOf(shown), /no such page/i)
  t.equal((await people.member.get('/system')).status, 404)
})

t.test('refusals are shown to one’s officer, to administrators if about no patient, and to no patient', async t => {
  const both = await world.staff(lab.organization, 'member', ann)
  const roles = { ...people, both: await world.browserOf(both) }
  const asked = {
    system: '/system',
    organization: `/organizations/${clinic.organization}/apps`,
    study: `/studies/${clinic.study}`,
    patient: `/patients/${carl}`,
    own: '/sharing/nothing',
  }
  const done = new Map<string, string>()
  for (const [role, browser] of Object.entries(roles))
    for (const [what, path] of Object.entries(asked)) {
      const shown = await browser.get(path)
      if (shown.status === 404) done.set(requestOf(shown), `${role}: ${what}`)
    }
  await sealAudit(database, auditKeyOf(Buffer.alloc(32, 7)))
  const toldTo = async (subject: Parameters<typeof world.token>[0]['subject']) => {
    const token = await world.token({ subject, scope: 'user/AuditEvent.rs' })
    const { entry = [] } = (await world.send(token, 'GET', 'AuditEvent?_count=1000')).json()
    const events: readonly AuditEvent[] = entry.map(({ resource }: { resource: AuditEvent }) => resource)
    const refused = events.filter(({ outcome }) => outcome !== '0')
    return refused.flatMap(event => {
      const request = (event.entity ?? []).flatMap(({ what }) => what?.identifier?.value ?? [])
      const what = request.flatMap(id => done.get(id) ?? [])
      return what.map(one => ({ what: one, text: JSON.stringify(event) }))
    })
  }
  const whatOf = (told: readonly { readonly what: string }[]) => told.map(({ what }) => what).sort()
  const of = (role: string, ...whats: readonly string[]) => whats.map(what => `${role}: ${what}`)
  const kinds = ['organization', 'patient', 'study', 'system']

  const ofTheLab = ['both', 'manager', 'manager of the ward', 'member', 'viewer']
  const officer = await toldTo({ kind: 'user', person: persons['privacy officer'] })
  t.same(
    whatOf(officer),
    [
      ...ofTheLab.flatMap(role => of(role, ...kinds)),
      // What staff who are patients do as such is only theirs.
      ...ofTheLab.filter(role => role !== 'both').flatMap(role => of(role, 'own')),
    ].sort(),
  )
  t.notMatch(officer.map(({ text }) => text).join(), /Patient\//, 'the patient for whom they asked is named to nobody')
  const administrator = await toldTo({ kind: 'administrator' })
  t.notMatch(administrator.map(({ text }) => text).join(), /(Patient|ResearchStudy)\//)
  t.same(
    whatOf(administrator),
    [
      ...[...ofTheLab, 'privacy officer'].flatMap(role => of(role, 'organization', 'system')),
      ...of('manager of another tenant', 'system'),
    ].sort(),
  )
  for (const patient of [ann, carl]) t.same(await toldTo({ kind: 'patient', patient }), [], patient)
})
