import type { Consent, Observation, PractitionerRole, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import type { Caller } from '../../../src/access/caller.ts'
import { ownerSystem } from '../../../src/access/owner.ts'
import { inactivationReason, organizationRole } from '../../../src/access/vocabulary.ts'
import { extensions } from '../../../src/fhir/canonical.ts'
import { FhirError } from '../../../src/fhir/error.ts'
import * as w from './world.ts'

const heartRate = 'omh:heart-rate'
const weight = 'omh:body-weight'

const world = await w.openWorld()
t.teardown(world.close)
const { put, storeOf } = world

/** The outcome, or the status of the refusal. */
const create = async (caller: Caller, resource: Resource): Promise<string | number> => {
  const { id: _, ...withoutId } = resource
  const [written] = await storeOf(caller).write([{ kind: 'create', resource: withoutId as Resource }])
  return written?.outcome === 'refused' ? written.error.status : (written?.outcome ?? 'nothing')
}
const update = async (caller: Caller, resource: Resource): Promise<string | number> => {
  const [written] = await storeOf(caller).write([{ kind: 'update', id: resource.id ?? '', resource }])
  return written?.outcome === 'refused' ? written.error.status : (written?.outcome ?? 'nothing')
}
const remove = async (caller: Caller, { resourceType: type, id = '' }: Resource): Promise<string | number> => {
  const [written] = await storeOf(caller).write([{ kind: 'delete', type, id }])
  return written?.outcome === 'refused' ? written.error.status : (written?.outcome ?? 'nothing')
}

await put(
  w.organization('university'),
  w.organization('lab', 'university'),
  w.organization('annex', 'university'),
  w.organization('elsewhere'),
  ...['dean', 'member', 'viewer', 'leader', 'newcomer'].map(
    (id): Resource => ({
      resourceType: 'Practitioner',
      id,
      meta: { tag: [{ system: ownerSystem, code: 'university' }] },
    }),
  ),
  w.role('dean', 'university', 'manager'),
  w.role('member', 'lab', 'member'),
  w.role('viewer', 'lab', 'viewer'),
  w.role('visitor', 'elsewhere', 'manager'),
  w.registered('ann', 'lab'),
  w.registered('bob', 'lab'),
  w.study('open', 'lab', [
    w.requests(heartRate),
    w.works('leader', 'investigator'),
    w.works('coordinator', 'coordinator'),
  ]),
  w.study('kept', 'lab', [w.chooses('access', 'staff'), w.requests(heartRate)]),
  w.enrols('open', 'ann'),
)

const dean = w.registrar('dean', 'university')
const member = w.registrar('member', 'lab')
const viewer = w.staff('viewer')
const visitor = w.registrar('visitor', 'elsewhere')
const leader = w.staff('leader')
const coordinator = w.staff('coordinator')
const ann = w.patient('ann')
const annRecording = w.patient('ann', 'patient/*.cruds patient/Consent.cruds', ['records-consent'])

t.test('members register, viewers do not, and nobody registers for another organization', async t => {
  t.equal(await create(member, w.registered('x', 'lab')), 'created')
  t.equal(await create(viewer, w.registered('x', 'lab')), 403)
  t.equal(await create(dean, w.registered('x', 'lab')), 403, 'that node only')
  t.equal(await create(visitor, w.registered('x', 'lab')), 403)
  t.equal(await create(ann, w.registered('x', 'lab')), 403)
})

t.test('an organization keeps records of the patients that it registered', async t => {
  const condition = (patient: string): Resource => ({
    resourceType: 'Condition',
    subject: { reference: `Patient/${patient}` },
  })
  await put(w.registered('zoe', 'elsewhere'))
  t.equal(await create(member, condition('ann')), 'created')
  t.equal(await create(member, condition('zoe')), 403, 'not of another’s')
  t.equal(await create(viewer, condition('ann')), 403)
  t.equal(await create(ann, condition('ann')), 'created')
  t.equal(await create(ann, condition('zoe')), 403)
  t.equal(await create(member, { resourceType: 'Task', status: 'draft', intent: 'plan' }), 'created', 'or of nobody')
  t.equal(await create(member, { resourceType: 'Location' }), 'created')
  t.equal(await create(ann, { resourceType: 'Location' }), 403)
})

t.test(
  'nobody puts anything into the record of somebody else by naming them beside a patient of their own',
  async t => {
    await put(w.registered('zoe', 'elsewhere'))
    const appointment = (...patients: readonly string[]): Resource => ({
      resourceType: 'Appointment',
      id: `of-${patients.join('-and-')}`,
      meta: { tag: [{ system: ownerSystem, code: 'lab' }] },
      status: 'booked',
      participant: patients.map(patient => ({ actor: { reference: `Patient/${patient}` }, status: 'accepted' })),
    })
    const together = appointment('ann', 'zoe')
    for (const writer of [member, ann]) {
      t.equal(await create(writer, appointment('ann')), 'created')
      t.equal(await create(writer, together), 403)
      t.equal(await create(writer, appointment('ann', 'nobody')), 403, 'nor do they learn by trying who is here')
    }
    await put(appointment(), appointment('ann', 'bob'))
    t.equal(await update(member, { ...together, id: 'of-' }), 403)
    t.equal(await update(ann, { ...together, id: 'of-ann-and-bob' }), 403)
    t.equal(await remove(ann, appointment('ann', 'bob')), 403, 'nor do they take anything away')
    t.strictSame(await world.see(storeOf(w.patient('zoe')), 'Appointment'), [])
  },
)

t.test('a patient can change their contacts and nothing else', async t => {
  const record = w.registered('ann', 'lab')
  t.equal(await update(ann, { ...record, telecom: [{ value: '1' }] } as Resource), 'updated')
  t.equal(await update(ann, { ...record, birthDate: '2000' } as Resource), 403)
  const text = { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Call 2</div>' }
  const anew = { ...record, telecom: [{ value: '2' }], text }
  t.equal(await update(ann, anew as Resource), 'updated', 'but the narrative, which only repeats the rest')
  t.equal(await update(ann, { ...w.registered('bob', 'lab'), telecom: [] } as Resource), 404)
})

t.test('managers build the tree below them, and give roles to others', async t => {
  t.equal(await create(dean, w.organization('x', 'lab')), 'created')
  t.equal(await create(dean, w.organization('x', 'elsewhere')), 403)
  t.equal(await create(dean, w.organization('x')), 403, 'only administrators make tenants')
  t.equal(await create(w.administrator, w.organization('x')), 'created')
  t.equal(await update(dean, { ...w.organization('university'), alias: ['u'] } as Resource), 'updated')
  t.equal(await update(dean, w.organization('lab', 'annex')), 'updated', 'within the tenant')
  t.equal(await update(dean, w.organization('lab', 'university')), 'updated')
  t.equal(await update(dean, w.organization('lab', 'elsewhere')), 403)
  t.equal(await update(w.administrator, w.organization('lab', 'elsewhere')), 422, 'not even an administrator')
  t.equal(await update(w.administrator, w.organization('university', 'lab')), 422, 'no circle')
  t.equal(await create(dean, w.role('newcomer', 'lab', 'manager')), 'created')
  t.equal(await create(member, w.role('newcomer', 'lab', 'viewer')), 403)
  t.equal(await create(dean, w.role('dean', 'lab', 'member')), 403, 'never to themselves')
  t.equal(await update(dean, w.role('dean', 'university', 'viewer')), 403)
  t.equal(
    await update(dean, { ...w.role('member', 'elsewhere', 'member'), id: 'member-lab' }),
    422,
    'a role stays with its organization',
  )
  t.equal(await remove(dean, w.organization('lab')), 409, 'it still has members')
})

t.test('a code of another system is no role here, whatever it is called', async t => {
  const stranger = w.registrar('stranger', 'lab')
  const role = (system: string): Resource => ({
    ...(w.role('stranger', 'lab', 'manager') as PractitionerRole),
    code: [{ coding: [{ system, code: 'manager' }] }],
  })
  await put({ resourceType: 'Practitioner', id: 'stranger' }, role('https://hospital.example/job'))
  t.equal(await create(stranger, w.registered('x', 'lab')), 403)
  await put(role(organizationRole))
  t.equal(await create(stranger, w.registered('x', 'lab')), 'created')
})

t.test('whether an organization asks for a second factor is said once, by a boolean', async t => {
  const asking = (...values: readonly object[]) =>
    ({
      ...w.organization('annex', 'university'),
      extension: values.map(one => ({ url: extensions.secondFactor, ...one })),
    }) as Resource
  t.equal(await update(dean, asking({ valueString: 'yes' })), 422)
  t.equal(await update(dean, asking({ valueBoolean: true }, { valueBoolean: false })), 422)
  t.equal(await update(dean, asking({ valueBoolean: true })), 'updated')
})

t.test('an account is a practitioner’s: their managers create it, and cannot link it to a patient', async t => {
  await put({ resourceType: 'Practitioner', id: 'free' })
  const person = (target: string): Resource => ({
    resourceType: 'Person',
    id: 'x',
    link: [{ target: { reference: target } }],
  })
  t.equal(await create(dean, person('Practitioner/free')), 403, 'not of the dean’s organizations')
  t.equal(await create(w.administrator, person('Practitioner/free')), 'created')
  t.equal(await create(w.administrator, person('Practitioner/free')), 409, 'one account')
  t.equal(await create(w.administrator, person('Patient/ann')), 403)
  const [made] = await storeOf(dean).write([{ kind: 'create', resource: { resourceType: 'Practitioner' } }])
  const own = made?.outcome === 'created' ? `Practitioner/${made.id}` : ''
  const subject = { identifier: [{ system: 'https://ehr.example', value: '7' }] }
  t.equal(
    await create(dean, { ...person(own), ...subject } as Resource),
    403,
    'who they are elsewhere is never said over FHIR',
  )
  t.equal(await create(dean, person(own)), 'created')
  t.equal(await create(member, person(own)), 403)
})

t.test('a manager links no account to somebody else, neither their own nor another', async t => {
  const practitioner = async () => {
    const [made] = await storeOf(dean).write([{ kind: 'create', resource: { resourceType: 'Practitioner' } }])
    return made?.outcome === 'created' ? made.id : ''
  }
  const account = (id: string, practitioner: string): Resource => ({
    resourceType: 'Person',
    id,
    link: [{ target: { reference: `Practitioner/${practitioner}` } }],
  })
  const [chief, victim, other] = [await practitioner(), await practitioner(), await practitioner()]
  await put(w.role(chief, 'university', 'manager'), account('chief', chief), account('victim', victim))
  const asChief = { ...w.staff(chief), principal: { kind: 'person', id: 'chief' } } as const
  t.equal(await update(asChief, account('chief', other)), 403)
  t.equal(await remove(asChief, account('chief', chief)), 403)
  t.equal(await update(asChief, { ...account('chief', chief), gender: 'female' } as Resource), 403, 'nor anything else')
  t.equal(await update(asChief, account('victim', other)), 403)
  t.equal(await update(asChief, { ...account('victim', victim), gender: 'female' } as Resource), 'updated')
  t.equal(await remove(asChief, account('victim', victim)), 'deleted', 'an account can end, but never become another')
})

t.test('as whom an account signs in elsewhere is said over FHIR by nobody', async t => {
  const account = async (): Promise<Resource> => {
    const [made] = await storeOf(dean).write([{ kind: 'create', resource: { resourceType: 'Practitioner' } }])
    const practitioner = made?.outcome === 'created' ? `Practitioner/${made.id}` : ''
    return {
      resourceType: 'Person',
      id: `of-${practitioner.slice(-12)}`,
      link: [{ target: { reference: practitioner } }],
    }
  }
  const elsewhere = { identifier: [{ system: 'https://idp.example', value: 'somebody-else' }] }
  const [one, other] = [await account(), await account()]
  await put(one)
  for (const caller of [dean, w.administrator]) {
    t.equal(await update(caller, { ...one, ...elsewhere } as Resource), 403)
    t.equal(await create(caller, { ...other, ...elsewhere } as Resource), 403)
  }
})

t.test('staff are named by managers and study leads, never by themselves', async t => {
  const study = (...staff: Parameters<typeof w.study>[2]): Resource =>
    ({
      ...w.study('open', 'lab', [w.requests(heartRate), ...staff]),
      title: 'x',
    }) as Resource
  const asItIs = [w.works('leader', 'investigator'), w.works('coordinator', 'coordinator')]
  t.equal(await update(member, study(...asItIs)), 'updated')
  t.equal(await update(member, study(...asItIs, w.works('friend', 'researcher'))), 403)
  t.equal(await update(viewer, study(...asItIs)), 403)
  t.equal(await update(leader, study(...asItIs, w.works('friend', 'researcher'))), 'updated')
  t.equal(await update(leader, study(w.works('leader', 'researcher'))), 403, 'their own entry')
  t.equal(await update(leader, { ...study(...asItIs), title: 'y' } as Resource), 403, 'only entries')
  t.equal(await update(coordinator, study(...asItIs)), 403)
  t.equal(await update(dean, study(...asItIs, w.works('dean', 'researcher'))), 403)
  t.equal(await update(dean, study(...asItIs)), 'updated')
  t.equal(await update(dean, study(...asItIs, w.works('friend', 'researcher'))), 'updated', 'from above')
  t.equal(await create(dean, w.study('x', 'lab', [])), 'created')
  t.equal(await create(dean, w.study('x', 'elsewhere', [])), 403)
  t.equal(await create(member, w.study('x', 'lab', [w.works('member', 'investigator')])), 403)
  t.equal(await create(member, w.study('x', 'elsewhere', [])), 403)
})

t.test('what people consented to cannot grow afterwards', async t => {
  const kept = (extension: Parameters<typeof w.study>[2], organization = 'lab') =>
    w.study('kept', organization, extension)
  t.equal(await update(member, kept([w.requests(heartRate)])), 422, 'access is not widened')
  t.equal(await update(member, kept([w.chooses('access', 'staff'), w.chooses('identity', 'identified')])), 422)
  t.equal(
    await update(w.client('importer', { policies: ['everything'] }), kept([w.chooses('access', 'staff')], 'annex')),
    422,
  )
  t.equal(await remove(member, w.study('open', 'lab', [])), 409, 'people are in it')
})

t.test('a study asks for kinds of data, and for types of other resources', async t => {
  const asking = (extension: object): Resource => ({
    ...w.study('x', 'lab', [w.requests(heartRate), { ...w.requests(heartRate), ...extension }]),
    ...({ enrollment: undefined } as object),
  })
  const type = w.requestsType('Condition')
  const [named] = type.extension ?? []
  const source = { url: 'source', valueReference: { reference: 'Device/acme' } }
  t.equal(await create(member, asking(type)), 'created')
  t.equal(await create(member, asking(w.requestsType('Observation'))), 422, 'Observations are asked for by kind')
  t.equal(await create(member, asking(w.requestsType('Location'))), 422, 'it belongs to no patient')
  t.equal(await create(member, asking({ extension: [named, source] })), 422, 'a type has no source')
  t.equal(await create(member, asking({ extension: [named, ...(w.requests(heartRate).extension ?? [])] })), 422, 'both')
  t.equal(await create(member, asking({ extension: [source] })), 422, 'neither')
  await put(w.registered('typed', 'lab'), w.study('typed', 'lab', [type]), w.enrols('typed', 'typed'))
  const consent = (...permits: Parameters<typeof w.consent>[3]) => w.consent('typed', 'typed', 'proposed', permits)
  t.equal(await create(member, consent(w.permitType('Encounter'))), 422, 'not asked for')
  t.equal(await create(member, consent(w.permit(heartRate))), 422, 'nor is any kind')
  t.equal(await create(member, consent(w.permitType('Condition'))), 'created')
})

t.test('members and coordinators invite; the patient can leave, and nothing else', async t => {
  t.equal(await create(member, w.enrols('open', 'bob')), 'created')
  t.equal(await create(coordinator, w.enrols('open', 'bob', 'off-study')), 'created')
  t.equal(await create(coordinator, w.enrols('open', 'bob')), 409, 'a second place that goes on')
  t.equal(await create(viewer, w.enrols('open', 'bob')), 403)
  t.equal(await create(visitor, w.enrols('open', 'bob')), 403)
  t.equal(await create(ann, w.enrols('kept', 'ann')), 403)
  t.equal(await update(ann, { ...w.enrols('open', 'ann'), assignedArm: 'b' } as Resource), 403)
  t.equal(await update(ann, w.enrols('open', 'ann', 'eligible')), 403)
  t.equal(await update(ann, w.enrols('open', 'ann', 'follow-up')), 'unchanged', 'nobody takes part without a Consent')
  t.equal(await update(ann, { ...w.enrols('open', 'ann', 'withdrawn'), assignedArm: 'b' } as Resource), 403)
  t.equal(await update(ann, w.enrols('open', 'ann', 'withdrawn')), 'updated')
  t.equal(await update(ann, w.enrols('open', 'ann')), 403)
  await put({ ...w.enrols('open', 'ann'), id: 'open-ann-again' } as Resource)
})

t.test('only the patient makes a proposed consent active; either side can end it', async t => {
  // Since she left another place.
  const dateTime = new Date().toISOString()
  const consent = (status: NonNullable<Consent['status']>, code = heartRate): Consent => ({
    ...w.consent('open', 'ann', status, [w.permit(code)]),
    dateTime,
  })
  const because = { url: inactivationReason, valueString: 'wrong person' }
  t.equal(await create(coordinator, consent('active')), 403)
  t.equal(await create(viewer, consent('proposed')), 403)
  await put(consent('proposed'))
  t.equal(await create(coordinator, consent('proposed')), 409, 'one that is in force')
  t.equal(
    await create(coordinator, w.consent('open', 'bob', 'proposed', [w.permit(weight)])),
    422,
    'the study does not ask',
  )
  t.equal(await create(coordinator, w.consent('open', 'bob', 'proposed', [w.permit(heartRate)])), 'created')
  t.equal(await update(coordinator, consent('active')), 403)
  t.equal(await update(ann, consent('active')), 403, 'an ordinary app, with a wildcard scope')
  t.equal(await update(annRecording, consent('active', weight)), 422)
  t.equal(await update(annRecording, consent('active')), 'updated')
  t.equal(await update(coordinator, consent('proposed')), 403)
  t.equal(await update(coordinator, consent('inactive')), 403, 'without a reason')
  const ended = { ...consent('inactive'), extension: [...(consent('inactive').extension ?? []), because] }
  t.equal(await update(coordinator, { ...ended, dateTime: '2020' }), 403, 'nothing else can change')
  t.equal(await update(annRecording, consent('proposed')), 422, 'not back')
  t.equal(await update(coordinator, ended), 'updated')
  t.equal(await update(annRecording, consent('active')), 422, 'what has ended stays ended')
  t.equal(await create(annRecording, w.signedAnew(consent('active'))), 'created', 'a new one can begin')
  t.equal(await remove(coordinator, consent('inactive')), 403)
})

const asks = async (caller: Caller, study: string, patient: string) => [
  await create(caller, w.enrols(study, patient)),
  await create(caller, w.consent(study, patient, 'proposed', [w.permit(heartRate)])),
]

t.test('members of an organization below that of a study invite nobody into it, and ask for no consent', async t => {
  await put(w.organization('bench', 'lab'), w.role('assistant', 'bench', 'member'), w.registered('cyd', 'lab'))
  t.strictSame(await asks(w.registrar('assistant', 'bench'), 'open', 'cyd'), [403, 403])
  t.strictSame(await asks(member, 'open', 'cyd'), ['created', 'created'])
})

t.test('of the staff of a study, its investigators and coordinators invite, and ask for consent', async t => {
  const roles = ['investigator', 'coordinator', 'researcher', 'collaborator'] as const
  await put(
    w.study('staffed', 'lab', [w.requests(heartRate), ...roles.map(role => w.works(`the-${role}`, role))]),
    ...roles.map(role => w.registered(`asked-by-${role}`, 'lab')),
  )
  const asked = []
  for (const role of roles) asked.push(await asks(w.staff(`the-${role}`), 'staffed', `asked-by-${role}`))
  t.strictSame(asked, [
    ['created', 'created'],
    ['created', 'created'],
    [403, 403],
    [403, 403],
  ])
})

t.test('giving to a study does not reveal whether there is one to which one was not invited', async t => {
  const refusal = async (study: string) => {
    const { id: _, ...consent } = w.consent(study, 'ann', 'active', [w.permit(heartRate)])
    const [written] = await storeOf(annRecording).write([{ kind: 'create', resource: consent }])
    return written?.outcome === 'refused' ? [written.error.status, written.error.message] : written?.outcome
  }
  const [kept, nowhere] = [await refusal('kept'), await refusal('nowhere')]
  t.equal(kept?.[0], 403)
  t.strictSame(kept, nowhere)
})

t.test('a consent stays with the one for whom it was made, even through a shape that is not understood', async t => {
  await put(w.registered('eve', 'lab'), w.enrols('open', 'eve'), w.enrols('other', 'eve'))
  await put(w.study('other', 'lab', [w.requests(heartRate), w.works('coordinator', 'coordinator')]))
  const asked = w.consent('open', 'eve', 'proposed', [w.permit(heartRate)])
  const { extension: otherStudy = [] } = w.consent('other', 'eve', 'proposed', [])
  const { policyRule: _, ...unread } = asked
  const eve = w.patient('eve', 'patient/*.cruds patient/Consent.cruds', ['records-consent'])
  await put(asked)
  for (const caller of [coordinator, eve]) {
    t.equal(await update(caller, { ...asked, extension: otherStudy }), 422, 'another study')
    t.equal(await update(caller, unread as Consent), 422, 'none at all')
  }
  t.equal(await update(eve, { ...asked, status: 'active' }), 'updated')
  t.equal(await update(eve, { ...asked, status: 'active', extension: otherStudy }), 422)
  t.equal(await update(eve, { ...asked, status: 'inactive' }), 'updated')
  t.equal(await update(eve, { ...unread, status: 'active' } as Consent), 422, 'nor does it begin again')
})

t.test('data can be stored if an active consent names its kind, and a patient can always change their own', async t => {
  const submitter = w.client('cloud', { organization: 'lab', policies: ['data-submission'] })
  const stranger = w.client('other-cloud', { organization: 'elsewhere', policies: ['data-submission'] })
  const pulse = (more: Partial<Observation> = {}) => w.measured('x', 'ann', heartRate, more)
  t.equal(await create(ann, pulse()), 'created')
  t.equal(await create(ann, pulse({ effectiveDateTime: '2001' })), 'created', 'times limit reading, not storing')
  t.equal(await create(ann, w.measured('x', 'ann', weight)), 403)
  t.equal(await create(ann, pulse({ code: { text: 'pulse' } })), 403, 'no kind')
  t.equal(await create(ann, w.measured('x', 'bob', heartRate)), 403, 'another patient')
  t.equal(await create(ann, pulse({ component: [{ code: w.kind(weight), valueString: 'x' }] })), 403, 'every component')
  t.equal(await create(submitter, pulse()), 'created')
  t.equal(await create(submitter, w.measured('x', 'bob', heartRate)), 403, 'bob has only been asked')
  t.equal(await create(stranger, pulse()), 403, 'not of a study of its organization')
  const periods = { over: { end: '2026-01' }, coming: { start: '2999' } }
  for (const [patient, period] of Object.entries(periods)) {
    const given = w.consent('open', patient, 'active', [w.permit(heartRate, { period })])
    await put(w.registered(patient, 'lab'), w.enrols('open', patient), given)
    t.equal(await create(submitter, w.measured('x', patient, heartRate)), 403, `a consent that is ${patient}`)
  }
  t.equal(await create(w.client('plain', { organization: 'lab' }), pulse()), 403)
  t.equal(await create(member, pulse()), 403)
  await put(w.measured('mine', 'ann', weight))
  t.equal(await update(ann, w.measured('mine', 'ann', weight, { status: 'entered-in-error' })), 'updated')
  t.equal(await update(submitter, w.measured('mine', 'ann', weight)), 404, 'not what it sent')
  t.equal(await remove(ann, w.measured('mine', 'ann', weight)), 'deleted')
  await t.rejects(storeOf(submitter).read('Observation', 'mine'), FhirError)
})
