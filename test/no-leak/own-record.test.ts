import t from 'tap'
import { organizationRole } from '../../src/access/vocabulary.ts'
import { registerClient } from '../../src/storage/authorization/client.ts'
import { clients } from './callers.ts'
import { doors } from './doors.ts'
import { secretsOf } from './secrets.ts'
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
const nurse = { reference: 'Practitioner/nurse' }
await put({ resourceType: 'Practitioner', id: 'nurse' })
const role = {
  resourceType: 'PractitionerRole',
  id: 'nurse-of-the-lab',
  practitioner: nurse,
  organization: { reference: 'Organization/lab' },
  code: [{ coding: [{ system: organizationRole, code: 'manager' }] }],
}
await put(role)
const person = 'person-of-nurse'
const link = [nurse, { reference: 'Patient/bob' }].map(target => ({ target }))
await put({ resourceType: 'Person', id: person, link })

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
