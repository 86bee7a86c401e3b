import t from 'tap'
import { organizationRole } from '../../src/access/vocabulary.ts'
import { auditKeyOf } from '../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../src/storage/audit/seal/seal.ts'
import { registerClient } from '../../src/storage/authorization/client.ts'
import { clients } from './callers.ts'
import { doors } from './doors.ts'
import { secretsOf } from './secrets.ts'
import { openSignedIn } from './signed-in.ts'
import { openNoLeakWorld } from './world.ts'

const world = await openNoLeakWorld()
t.teardown(() => world.server.close())
for (const client of clients) await registerClient(world.database, { name: client.id, ...client })
const types = [...Map.groupBy(secretsOf(world), ({ type }) => type)]

const put = async (resource: {
  readonly resourceType: string
  readonly id: string
  readonly [element: string]: unknown
}) => {
  const { status, body } = await world.everything('PUT', `${resource.resourceType}/${resource.id}`, resource)
  if (status > 201) throw new Error(body)
}
/** Somebody who works in the organization, and is that patient; answers the id of their Person. */
const employee = async (id: string, [organization, code]: readonly [string, string], patient: string) => {
  const practitioner = { reference: `Practitioner/${id}` }
  await put({ resourceType: 'Practitioner', id })
  await put({
    resourceType: 'PractitionerRole',
    id: `${id}-of-${organization}`,
    practitioner,
    organization: { reference: `Organization/${organization}` },
    code: [{ coding: [{ system: organizationRole, code }] }],
  })
  const link = [practitioner, { reference: `Patient/${patient}` }].map(target => ({ target }))
  await put({ resourceType: 'Person', id: `person-of-${id}`, link })
  return `person-of-${id}`
}
const person = await employee('nurse', ['lab', 'manager'], 'bob')

const scope = 'patient/*.cruds user/*.cruds'
/** The same access lies behind all of them. */
const ways: ReadonlySet<string> = new Set(['search', 'batch of searches', 'history of all', 'read'])
const seenBy = async (token: string) => {
  const call = world.call(token)
  const seen: Record<string, readonly string[]> = {}
  for (const { name, seen: seenIn } of doors.filter(door => ways.has(door.name)))
    for (const [type, ofType] of types)
      seen[`${name} ${type}`] = (
        await seenIn(
          call,
          type,
          ofType.map(({ id }) => id),
        )
      ).toSorted()
  return seen
}

t.test('with a patient’s token for themselves, staff see through each door what that patient sees', async t => {
  const subject = { kind: 'user', person } as const
  const own = await seenBy(await world.token({ subject: { ...subject, launchPatient: 'bob' }, scope }))
  t.strictSame(own, await seenBy(await world.token({ subject: { kind: 'patient', patient: 'bob' }, scope })))
  const asStaff = await seenBy(await world.token({ subject, scope }))
  t.ok(asStaff['search Patient']?.includes('fay'), 'as staff they see others')
  t.strictSame(own['search Patient'], ['bob'])
})

t.test('what staff do as the patient that they are is told to no privacy officer', async t => {
  const aide = await employee('aide', ['annex', 'member'], 'jon')
  const { browser } = await openSignedIn(world)(aide)
  for (const page of ['/patients/jon', '/sharing', '/account/data', '/account/disclosures', '/account/apps'])
    t.equal((await browser.get(page)).status, 200, page)
  const { choices } = world.server.authorization.interactions
  t.match(await choices.findOne(aide, 'of-nobody', 'jon'), { id: 'jon' })
  const officers = await Promise.all(
    ['officer', 'foreign-officer'].map(async id =>
      world.call(await world.token({ subject: { kind: 'user', person: `person-${id}` }, scope: 'user/AuditEvent.rs' })),
    ),
  )
  const told = async () => {
    await sealAudit(world.database, auditKeyOf(Buffer.alloc(32, 7)))
    const query = 'AuditEvent?agent=Practitioner/aide&type=rest&_count=1000'
    const answers = await Promise.all(officers.map(call => call('GET', query)))
    return answers.flatMap(({ body }) => JSON.parse(body).entry ?? [])
  }
  t.same(await told(), [])
  t.equal((await browser.get('/patients/hal')).status, 404)
  t.equal((await told()).length, 1, 'but what they do as staff is')
})
