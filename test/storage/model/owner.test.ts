import type { Resource } from '@medplum/fhirtypes'
import t from 'tap'
import type { Caller } from '../../../src/access/caller.ts'
import { ownerSystem } from '../../../src/access/owner.ts'
import { FhirError } from '../../../src/fhir/error.ts'
import { sql } from '../../../src/storage/sql.ts'
import * as w from './world.ts'

const world = await w.openWorld()
t.teardown(world.close)
const { put, storeOf } = world

const write = async (caller: Caller, resource: Resource) => {
  const { id, ...rest } = resource
  const [written] = await storeOf(caller).write([
    id === undefined ? { kind: 'create', resource: rest as Resource } : { kind: 'update', id, resource },
  ])
  if (written === undefined || written.outcome === 'deleted') throw new Error('nothing was written')
  return written
}
const outcome = async (caller: Caller, resource: Resource) => {
  const written = await write(caller, resource)
  return written.outcome === 'refused' ? written.error.status : written.outcome
}
const made = async (caller: Caller, resource: Resource): Promise<Resource & { id: string }> => {
  const written = await write(caller, resource)
  if (written.outcome === 'refused') throw written.error
  return JSON.parse(written.content)
}
const owned = (organization: string) => ({ tag: [{ system: ownerSystem, code: organization }] })
const unknown = new FhirError('not-found', 'Patient/imported is not known')
const withoutId = ({ id: _, ...resource }: Resource): Resource => resource as Resource
const roleOf = (practitioner: string, organization: string) => withoutId(w.role(practitioner, organization, 'member'))
const account = (practitioner: string): Resource => ({
  resourceType: 'Person',
  link: [{ target: { reference: `Practitioner/${practitioner}` } }],
})

await put(
  w.organization('university'),
  w.organization('lab', 'university'),
  w.organization('elsewhere'),
  w.role('dean', 'university', 'manager'),
  w.role('visitor', 'elsewhere', 'manager'),
)
const dean = w.registrar('dean', 'university')
const visitor = w.registrar('visitor', 'elsewhere')
const { administrator } = w

t.test('what an administrator creates for a tenant belongs to the organization that its tag names', async t => {
  const practitioner = await made(administrator, { resourceType: 'Practitioner', meta: owned('lab') })
  t.strictSame(practitioner.meta?.tag, owned('lab').tag)
  t.equal(await outcome(dean, { ...practitioner, active: true } as Resource), 'updated', 'its managers can edit it')
  t.equal(await outcome(dean, account(practitioner.id)), 'created', 'and create its account')
  t.equal(await outcome(visitor, { ...practitioner, active: false } as Resource), 404)
})

t.test('an account that is linked to nobody is nobody’s to manage', async t => {
  await put({ resourceType: 'Person', id: 'loose' })
  t.equal(await outcome(dean, { resourceType: 'Person', id: 'loose', active: false } as Resource), 404)
  await t.rejects(storeOf(dean).read('Person', 'loose'), new FhirError('not-found', 'Person/loose is not known'))
  t.equal(await outcome(dean, { resourceType: 'Person' }), 403)
})

t.test('the organization that a tag names must exist on this server', async t => {
  const refused = await write(administrator, { resourceType: 'Practitioner', meta: owned('nowhere') })
  t.match(refused, {
    outcome: 'refused',
    error: { status: 422, issues: [{ code: 'business-rule', expression: 'Practitioner.meta.tag' }] },
  })
})

t.test('nobody else chooses an organization that is not theirs', async t => {
  const practitioner = await made(dean, { resourceType: 'Practitioner', meta: owned('elsewhere') })
  t.strictSame(practitioner.meta?.tag, owned('university').tag)
})

t.test('a Practitioner without an owner gets one with the first role that an administrator gives', async t => {
  const { id } = await made(administrator, { resourceType: 'Practitioner', name: [{ family: 'New' }] })
  t.equal(await outcome(visitor, { resourceType: 'Practitioner', id }), 404)
  t.equal(await outcome(administrator, roleOf(id, 'lab')), 'created')
  const { content, versionId } = await storeOf(administrator).read('Practitioner', id)
  t.match(JSON.parse(content), { name: [{ family: 'New' }], meta: { versionId: '2', tag: owned('lab').tag } })
  t.equal(versionId, '2')
  t.equal(await outcome(administrator, roleOf(id, 'elsewhere')), 'created')
  t.equal((await storeOf(administrator).read('Practitioner', id)).versionId, '2', 'and keeps it')
  for (const manager of [dean, visitor])
    t.equal(await outcome(manager, { resourceType: 'Practitioner', id, active: true }), 403)
})

t.test('an import gives nobody an owner by the roles that it brings', async t => {
  await put({ resourceType: 'Practitioner', id: 'brought' }, w.role('brought', 'lab', 'member'))
  t.equal((await storeOf(administrator).read('Practitioner', 'brought')).versionId, '1')
})

t.test('a role that a manager gives makes a Practitioner without an owner nobody’s', async t => {
  await put({ resourceType: 'Practitioner', id: 'shared' }, w.role('shared', 'lab', 'member'))
  t.equal(await outcome(dean, roleOf('shared', 'university')), 'created')
  t.equal((await storeOf(administrator).read('Practitioner', 'shared')).versionId, '1')
})

t.test('a manager cannot take over a Practitioner by giving them a role', async t => {
  const { id } = await made(administrator, { resourceType: 'Practitioner' })
  t.equal(await outcome(administrator, roleOf(id, 'university')), 'created')
  const ofUniversity = await storeOf(administrator).read('Practitioner', id)
  t.equal(await outcome(visitor, roleOf(id, 'elsewhere')), 403)
  t.equal(await outcome(visitor, account(id)), 403)
  t.strictSame(await storeOf(administrator).read('Practitioner', id), ofUniversity)
})

t.test(
  'a patient cannot look up people of another tenant whom a record names, and no record claims to be of that tenant',
  async t => {
    const theirs = await made(dean, { resourceType: 'Practitioner' })
    const role = await made(dean, roleOf(theirs.id, 'lab'))
    const own = await made(visitor, { resourceType: 'Practitioner' })
    const named = [
      `Practitioner/${theirs.id}`,
      `PractitionerRole/${role.id}`,
      'Organization/lab',
      `Practitioner/${own.id}`,
    ]
    const patient = await made(visitor, {
      resourceType: 'Patient',
      managingOrganization: { reference: 'Organization/elsewhere' },
      generalPractitioner: named.map(reference => ({ reference })),
    } as Resource)
    const known = async () => {
      const store = storeOf(
        w.patient(patient.id, 'patient/*.rs patient/Practitioner.r patient/PractitionerRole.r patient/Organization.r'),
      )
      const read = async (reference: string) => {
        const [type = '', id = ''] = reference.split('/')
        return store.read(type as 'Practitioner', id).then(
          () => [reference],
          () => [],
        )
      }
      return (await Promise.all([...named, 'Organization/elsewhere'].map(read))).flat()
    }
    t.strictSame(await known(), [`Practitioner/${own.id}`, 'Organization/elsewhere'])
    t.equal(
      await outcome(visitor, { ...patient, managingOrganization: { reference: 'Organization/lab' } } as Resource),
      422,
    )
    t.equal(await outcome(visitor, { ...patient, active: true } as Resource), 'updated')
    t.strictSame(await known(), [`Practitioner/${own.id}`, 'Organization/elsewhere'])
  },
)

t.test('a manager enrols people whom their tenant knows, and learns of nobody else by trying', async t => {
  const theirs = await made(dean, { resourceType: 'Practitioner' })
  const own = await made(visitor, { resourceType: 'Practitioner' })
  for (const id of [theirs.id, 'nobody']) t.equal(await outcome(visitor, roleOf(id, 'elsewhere')), 403, id)
  const read = storeOf(visitor).read('Practitioner', theirs.id)
  t.equal(
    await read.then(
      ({ type }) => type,
      error => error.status,
    ),
    404,
  )
  const named = w.study('naming-them', 'elsewhere', [w.works(theirs.id, 'collaborator')])
  t.equal(await outcome(visitor, withoutId(named)), 'created')
  t.equal(await outcome(visitor, roleOf(theirs.id, 'elsewhere')), 403, 'nor by naming them as staff of a study')
  const role = await made(visitor, roleOf(own.id, 'elsewhere'))
  const practitioner = { reference: `Practitioner/${theirs.id}` }
  t.equal(await outcome(visitor, { ...role, practitioner } as Resource), 403, 'nor by changing a role')
  t.equal(await outcome(administrator, { resourceType: 'Practitioner', id: own.id, active: true }), 'updated')
  await storeOf(visitor).write([{ kind: 'delete', type: 'Practitioner', id: own.id }])
  t.equal(
    await outcome(visitor, { ...role, active: false } as Resource),
    'updated',
    'somebody who is gone can be dismissed',
  )
  const [gone] = await storeOf(visitor).write([{ kind: 'delete', type: 'PractitionerRole', id: role.id }])
  t.equal(gone?.outcome, 'deleted')
})

t.test('former managers cannot look up, rename or shut out somebody who left for another tenant', async t => {
  const their = await made(dean, { resourceType: 'Practitioner' })
  const person = await made(dean, account(their.id))
  const role = await made(dean, roleOf(their.id, 'lab'))
  const status = (read: Promise<unknown>) =>
    read.then(
      () => 'read',
      error => error.status,
    )
  const all = async () => [
    await status(storeOf(dean).read('Person', person.id)),
    await outcome(dean, { ...person, active: false } as Resource),
    await outcome(dean, { ...their, name: [{ text: 'A fraud' }] } as Resource),
    await outcome(dean, account(their.id)),
  ]
  t.strictSame(await all(), ['read', 'updated', 'updated', 409])
  const remove = async (type: 'Person' | 'Practitioner', id: string) => {
    const [written] = await storeOf(dean).write([{ kind: 'delete', type, id }])
    return written?.outcome === 'refused' ? written.error.status : written?.outcome
  }
  const notTheirs = async (message: string) => {
    const removed = [await remove('Person', person.id), await remove('Practitioner', their.id)]
    t.strictSame([...(await all()), ...removed], [404, 404, 403, 403, 404, 403], message)
  }
  const elsewhere = await made(administrator, roleOf(their.id, 'elsewhere'))
  await notTheirs('nor who works in both')
  await made(dean, { ...role, active: false } as Resource)
  await notTheirs('who has left')
  await made(administrator, { ...role, period: { end: '2026-01-01' } } as Resource)
  await notTheirs('nor whose time there is over')
  t.equal(await outcome(dean, roleOf(their.id, 'lab')), 403, 'nor are they taken back')
  await made(administrator, { ...role, active: false } as Resource)
  for (const given of [roleOf(their.id, 'lab'), { ...role, active: true } as Resource])
    t.equal(await outcome(dean, given), 403, 'nobody is taken back without being asked')
  t.equal(await outcome(dean, { ...role, active: false } as Resource), 'unchanged')
  await made(administrator, { ...role, active: true } as Resource)
  await notTheirs('nor who works in both again')
  t.equal(
    await outcome(dean, { ...role, period: { end: '2100-01-01' } } as Resource),
    'updated',
    'whose role there is still theirs to end',
  )
  await made(administrator, { ...elsewhere, active: false } as Resource)
  t.strictSame(await all(), ['read', 'unchanged', 'unchanged', 409], 'somebody who is theirs alone again is theirs')
  await made(dean, { ...role, active: false } as Resource)
  const officer = await made(administrator, withoutId(w.role(their.id, 'elsewhere', 'privacy-officer')))
  await notTheirs('nor who has left to oversee another tenant')
  await made(administrator, { ...officer, active: false } as Resource)
  const own = await made(visitor, { resourceType: 'Practitioner' })
  const overseeing = await made(administrator, withoutId(w.role(own.id, 'lab', 'privacy-officer')))
  const both = withoutId(w.role(own.id, 'lab', 'member'))
  t.equal(await outcome(dean, { ...both, id: overseeing.id }), 'updated', 'overseeing here is working here')
  await made(dean, { ...role, active: true } as Resource)
  const naming = w.study('naming-who-left', 'elsewhere', [w.works(their.id, 'collaborator')])
  t.equal(await outcome(visitor, withoutId(naming)), 'created')
  t.equal((await all())[0], 'read', 'a study elsewhere that names somebody who works here takes nobody away')
  await made(dean, { ...role, active: false } as Resource)
  await notTheirs('nor who has left for a study elsewhere')
  await made(administrator, { ...role, period: { end: '2026-01-01' } } as Resource)
  await notTheirs('nor whose time there was over before')
})

t.test('of two managers who end each other’s role at once, one stays', async t => {
  for (let round = 0; round < 5; round++) {
    const names = [`one-${round}`, `two-${round}`] as const
    const roles = names.map(name => w.role(name, 'university', 'manager'))
    await put(...names.map((id): Resource => ({ resourceType: 'Practitioner', id })), ...roles)
    const [one, two] = roles
    const ended = await Promise.all([
      outcome(w.registrar(names[0], 'university'), { ...two, active: false } as Resource),
      outcome(w.registrar(names[1], 'university'), { ...one, active: false } as Resource),
    ])
    t.strictSame(ended.toSorted(), [404, 'updated'])
  }
})

t.test('managers of a tenant cannot close an account that administers the installation', async t => {
  const their = await made(dean, { resourceType: 'Practitioner' })
  const person = await made(dean, account(their.id))
  await made(dean, roleOf(their.id, 'lab'))
  const administers = (administrator: boolean) =>
    world.database.run(sql.fragment`
      INSERT INTO user_account (email, person, administrator) VALUES ('chief@example.org', ${person.id}, ${administrator})
      ON CONFLICT (person) DO UPDATE SET administrator = excluded.administrator`)
  await administers(true)
  t.equal(await outcome(dean, { ...person, active: false } as Resource), 404)
  const [deleted] = await storeOf(dean).write([{ kind: 'delete', type: 'Person', id: person.id }])
  t.match(deleted, { outcome: 'refused', error: { status: 404 } })
  t.equal(
    await outcome(administrator, { ...person, gender: 'female' } as Resource),
    'updated',
    'other administrators can',
  )
  await administers(false)
  t.equal(await outcome(dean, { ...person, active: false } as Resource), 'updated')
})

t.test('an administrator gives an owner to what has none, and takes nothing from an owner', async t => {
  const { id } = await made(administrator, { resourceType: 'Practitioner' })
  const given = await made(administrator, { resourceType: 'Practitioner', id, meta: owned('lab') })
  t.strictSame(given.meta?.tag, owned('lab').tag)
  const kept = await made(administrator, { resourceType: 'Practitioner', id, meta: owned('elsewhere') })
  t.strictSame(kept.meta?.tag, owned('lab').tag)
})

t.test('a Patient and a role stay with their organization, also if their writer manages another', async t => {
  await put(w.role('both', 'university', 'manager'), w.role('both', 'elsewhere', 'manager'))
  const both = { ...w.staff('both'), organizations: ['university', 'elsewhere'] }
  const practitioner = await made(both, { resourceType: 'Practitioner', meta: owned('university') })
  const patientOf = (id: string): Resource => ({
    resourceType: 'Patient',
    managingOrganization: { reference: `Organization/${id}` },
  })
  const refusal = (type: string, element: string) => ({
    outcome: 'refused',
    error: new FhirError(
      'business-rule',
      `A ${type} stays with its organization: ${type}.${element} names Organization/university`,
      { expression: `${type}.${element}` },
    ),
  })
  for (const [element, of] of [
    ['managingOrganization', patientOf],
    ['organization', (id: string) => roleOf(practitioner.id, id)],
  ] as const) {
    const { id, resourceType } = await made(both, of('university'))
    t.match(await write(both, { ...of('elsewhere'), id }), refusal(resourceType, element))
    t.equal((await storeOf(dean).read(resourceType, id)).versionId, '1')
    t.equal(await outcome(both, { ...of('university'), id, language: 'en' }), 'updated')
  }
})

t.test('a Patient that is given its organization only later belongs to it from then on', async t => {
  await put({ resourceType: 'Patient', id: 'imported' })
  await t.rejects(storeOf(dean).read('Patient', 'imported'), unknown)
  await put({
    resourceType: 'Patient',
    id: 'imported',
    managingOrganization: { reference: 'Organization/university' },
  })
  t.equal((await storeOf(dean).read('Patient', 'imported')).versionId, '2')
  await t.rejects(storeOf(visitor).read('Patient', 'imported'), unknown)
})
