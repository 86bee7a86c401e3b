import type { Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import * as w from './world.ts'

const heartRate = 'omh:heart-rate'
const weight = 'omh:body-weight'
const pressure = 'omh:blood-pressure'

const world = await w.openWorld()
t.teardown(world.close)
const { put, see, storeOf } = world
const observations = (caller: Parameters<typeof storeOf>[0], query = '') => see(storeOf(caller), 'Observation', query)

await put(
  w.organization('university'),
  w.organization('department', 'university'),
  w.organization('lab', 'department'),
  w.organization('bench', 'lab'),
  w.organization('annex', 'department'),
  w.organization('elsewhere'),
  w.role('dean', 'university', 'manager'),
  w.role('researcher', 'lab', 'viewer'),
  w.role('technician', 'bench', 'viewer'),
  w.role('neighbour', 'annex', 'manager'),
  w.role('former', 'lab', 'manager', '2026-01-01'),
  w.role('visitor', 'elsewhere', 'manager'),
  { resourceType: 'Device', id: 'acme', manufacturer: 'Acme' },
  { resourceType: 'Device', id: 'other', manufacturer: 'Other' },
  w.registered('ann', 'lab'),
  w.registered('bob', 'lab'),
  {
    resourceType: 'Device',
    id: 'ann-acme',
    patient: { reference: 'Patient/ann' },
    parent: { reference: 'Device/acme' },
  },
  {
    resourceType: 'Device',
    id: 'ann-other',
    patient: { reference: 'Patient/ann' },
    parent: { reference: 'Device/other' },
  },
  {
    resourceType: 'Device',
    id: 'bob-acme',
    patient: { reference: 'Patient/bob' },
    parent: { reference: 'Device/acme' },
  },
  w.study('open', 'lab', [
    w.chooses('identity', 'identified'),
    w.requests(heartRate),
    w.requests(weight, 'acme'),
    w.works('collaborator', 'collaborator'),
    w.works('gone', 'researcher', '2026-01-01'),
  ]),
  w.groupOf('open', 'lab'),
  w.study('closed', 'lab', [w.chooses('access', 'staff'), w.requests(heartRate), w.works('keeper', 'researcher')]),
  w.study('foreign', 'elsewhere', [w.requests(heartRate)]),
  w.enrols('open', 'ann'),
  w.enrols('open', 'bob'),
  w.enrols('closed', 'ann'),
  w.consent('open', 'ann', 'active', [
    w.permit(heartRate, { dataPeriod: { start: '2026-02', end: '2026-03' } }),
    w.permit(weight, { data: [{ meaning: 'related', reference: { reference: 'Device/acme' } }] }),
  ]),
  w.consent('open', 'bob', 'proposed', [w.permit(heartRate)]),
  w.consent('closed', 'ann', 'active', [
    w.permit(heartRate, { period: { end: '2026-01' } }),
    w.permit(heartRate, { period: { start: '2999' } }),
  ]),
  w.measured('ann-hr', 'ann', heartRate),
  w.measured('ann-hr-early', 'ann', heartRate, { effectiveDateTime: '2026-01-31T23:59:59Z' }),
  w.measured('ann-hr-edge', 'ann', heartRate, { effectiveDateTime: '2026-03-31' }),
  w.measured('ann-hr-late', 'ann', heartRate, { effectiveDateTime: '2026-04-01' }),
  w.measured('ann-weight-acme', 'ann', weight, { device: { reference: 'Device/ann-acme' } }),
  w.measured('ann-weight-other', 'ann', weight, { device: { reference: 'Device/ann-other' } }),
  w.measured('ann-weight-unknown', 'ann', weight),
  w.measured('ann-pressure', 'ann', pressure),
  w.measured('ann-both', 'ann', heartRate, { component: [{ code: w.kind(pressure), valueString: 'x' }] }),
  w.measured('ann-hr-weight', 'ann', heartRate, {
    device: { reference: 'Device/acme' },
    component: [{ code: w.kind(weight), valueString: 'x' }],
  }),
  w.measured('ann-derived', 'ann', heartRate, { derivedFrom: [{ reference: 'Observation/ann-hr' }] }),
  w.measured('ann-derived-hidden', 'ann', heartRate, { derivedFrom: [{ reference: 'Observation/ann-pressure' }] }),
  w.measured('ann-derived-unknown', 'ann', heartRate, { derivedFrom: [{ reference: 'Observation/nowhere' }] }),
  w.measured('ann-derived-twice', 'ann', heartRate, { derivedFrom: [{ reference: 'Observation/ann-derived-hidden' }] }),
  w.measured('bob-hr', 'bob', heartRate),
)

const covered = ['ann-derived', 'ann-hr', 'ann-hr-edge', 'ann-hr-weight', 'ann-weight-acme']

t.test('a consent is read by those whom it reaches, and covers kind, source and time', async t => {
  t.strictSame(await observations(w.staff('researcher')), covered, 'a member of the organization')
  t.strictSame(await observations(w.staff('technician')), covered, 'a member of a sub-organization')
  t.strictSame(await observations(w.staff('collaborator')), covered, 'staff from elsewhere')
  t.strictSame(await observations(w.staff('researcher'), 'code=omh:heart-rate'), [
    'ann-derived',
    'ann-hr',
    'ann-hr-edge',
    'ann-hr-weight',
  ])
  t.strictSame(await observations(w.client('backend', { organization: 'lab' })), covered, 'a client of the lab')
})

t.test('nobody else reads it', async t => {
  for (const name of ['dean', 'neighbour', 'former', 'visitor', 'gone', 'keeper', 'nobody'])
    t.strictSame(await observations(w.staff(name)), [], name)
  t.strictSame(await observations(w.client('backend')), [], 'a client without an organization')
  t.strictSame(await observations(w.client('backend', { organization: 'university' })), [], 'a client of a parent')
  t.strictSame(await observations(w.client('backend', { organization: 'elsewhere' })), [])
  t.strictSame(await observations(w.administrator), [], 'the administrator')
  t.strictSame(await observations(w.patient('bob')), ['bob-hr'], 'another patient')
  t.equal((await observations(w.patient('ann'))).length, 14, 'the patient reads all of their own')
})

t.test('a token that is narrowed to one study reads that study only', async t => {
  t.strictSame(await observations(w.staff('researcher', 'user/*.rs', 'open')), covered)
  t.strictSame(await observations(w.staff('researcher', 'user/*.rs', 'closed')), [])
  const service = (study?: string) => ({
    ...w.client('service', { organization: 'lab' }),
    ...(study === undefined ? {} : { study }),
  })
  t.strictSame(await observations(service('closed')), [])
  t.strictSame(await see(storeOf(service()), 'ResearchSubject'), ['closed-ann', 'open-ann', 'open-bob'])
  for (const narrowed of [w.staff('researcher', 'user/*.rs', 'open'), service('open')])
    t.strictSame(await see(storeOf(narrowed), 'ResearchSubject'), ['open-ann', 'open-bob'])
})

t.test('granular scopes narrow, and several of one type add up', async t => {
  t.strictSame(await observations(w.staff('researcher', 'user/Observation.rs?code=omh:body-weight')), [
    'ann-weight-acme',
  ])
  t.strictSame(
    await observations(
      w.staff('researcher', 'user/Observation.rs?code=omh:body-weight user/Observation.rs?code=omh:heart-rate'),
    ),
    covered,
  )
  t.strictSame(await observations(w.staff('researcher', 'user/Observation.rs?nonsense=1')), [])
  t.strictSame(await observations(w.patient('bob', 'patient/Observation.s?code=omh:body-weight')), [])
})

t.test('an identified study shows the patients who accepted, a coded one only its enrolments', async t => {
  t.strictSame(await see(storeOf(w.staff('collaborator')), 'Patient'), ['ann'], 'bob has not accepted')
  t.strictSame(await see(storeOf(w.staff('keeper')), 'Patient'), [])
  t.strictSame(await see(storeOf(w.staff('keeper')), 'ResearchSubject'), ['closed-ann'])
  t.strictSame(await see(storeOf(w.staff('researcher')), 'Patient'), ['ann', 'bob'], 'its organization registered both')
  t.strictSame(await see(storeOf(w.staff('technician')), 'Patient'), ['ann'])
  t.strictSame(await see(storeOf(w.staff('dean')), 'Patient'), [])
  t.strictSame(await see(storeOf(w.patient('ann')), 'ResearchSubject'), ['closed-ann', 'open-ann'])
})

t.test('studies, groups, consents and the tree are read by those whom they concern', async t => {
  t.strictSame(await see(storeOf(w.staff('researcher')), 'ResearchStudy'), ['closed', 'open'])
  t.strictSame(await see(storeOf(w.staff('collaborator')), 'ResearchStudy'), ['open'])
  t.strictSame(await see(storeOf(w.staff('collaborator')), 'Group'), ['group-open'])
  t.strictSame(
    await see(storeOf(w.staff('technician')), 'ResearchStudy'),
    ['closed', 'open'],
    'they see studies of what is above',
  )
  t.strictSame(await see(storeOf(w.staff('neighbour')), 'ResearchStudy'), [], 'beside it')
  t.strictSame(
    await see(storeOf(w.patient('ann', 'patient/*.rs')), 'ResearchStudy'),
    [],
    'a wildcard stays in the compartment',
  )
  t.strictSame(await see(storeOf(w.patient('ann', 'patient/ResearchStudy.rs')), 'ResearchStudy'), ['closed', 'open'])
  t.strictSame(await see(storeOf(w.patient('ann', 'patient/Group.rs')), 'Group'), [])
  t.strictSame(await see(storeOf(w.patient('ann', 'patient/Organization.rs')), 'Organization'), ['lab'])
  t.strictSame(await see(storeOf(w.patient('ann', 'patient/Practitioner.rs')), 'Practitioner'), [])
  t.strictSame(await see(storeOf(w.staff('researcher')), 'Consent'), ['consent-open-ann', 'consent-open-bob'])
  t.strictSame(await see(storeOf(w.staff('keeper')), 'Consent'), ['consent-closed-ann'])
  t.strictSame(await see(storeOf(w.staff('dean')), 'Consent'), [])
  t.strictSame(await see(storeOf(w.staff('visitor')), 'Organization'), ['elsewhere'])
  t.equal((await see(storeOf(w.staff('researcher')), 'Organization')).length, 5)
  t.strictSame(await see(storeOf(w.staff('researcher')), 'Device'), ['acme', 'ann-acme', 'ann-other', 'other'])
  t.strictSame(await see(storeOf(w.staff('dean')), 'Device'), ['acme', 'other'])
  t.strictSame(await see(storeOf(w.patient('bob', 'patient/Device.rs')), 'Device'), ['acme', 'bob-acme', 'other'])
})

t.test('a manager above reads what a study is, but nothing of the people in it', async t => {
  const dean = storeOf(w.staff('dean'))
  t.strictSame(await see(dean, 'ResearchStudy'), ['closed', 'open'])
  t.strictSame(await see(dean, 'Group'), ['group-open'])
  t.notOk('member' in JSON.parse((await dean.read('Group', 'group-open')).content))
  t.ok('member' in JSON.parse((await storeOf(w.staff('researcher')).read('Group', 'group-open')).content))
  for (const type of ['Patient', 'ResearchSubject', 'Consent', 'Observation'] as const)
    t.strictSame(await see(dean, type), [], type)
  t.strictSame(await see(dean, 'Group', 'member=Patient/ann'), [])
  t.strictSame(await see(dean, 'ResearchStudy', '_has:ResearchSubject:study:individual=Patient/ann'), [])
  t.strictSame(
    await see(storeOf(w.staff('dean', 'user/*.rs', 'open')), 'ResearchStudy'),
    [],
    'by a token for one study',
  )
})

t.test('resources of other types are read if a provision names their type and covers their time', async t => {
  const shared = { subject: { reference: 'Patient/ann' } }
  const condition = (id: string, more: object = {}) =>
    ({ resourceType: 'Condition', id, ...shared, ...more }) as Resource
  const encounter = (id: string, period?: object) =>
    ({ resourceType: 'Encounter', id, status: 'finished', class: {}, ...shared, ...(period && { period }) }) as Resource
  const procedure = (id: string, more: object) =>
    ({ resourceType: 'Procedure', id, status: 'completed', ...shared, ...more }) as Resource
  await put(
    w.organization('clinic'),
    w.role('nurse', 'clinic', 'viewer'),
    w.study('typed', 'clinic', ['Condition', 'Encounter', 'Procedure', 'Goal', 'BodyStructure'].map(w.requestsType)),
    w.enrols('typed', 'ann'),
    condition('c-in', { recordedDate: '2026-03-31' }),
    condition('c-out', { recordedDate: '2026-04-01' }),
    condition('c-unknown'),
    { ...condition('c-bob', { recordedDate: '2026-03-01' }), subject: { reference: 'Patient/bob' } } as Resource,
    encounter('e-in', { start: '2026-02-01', end: '2026-02-03' }),
    encounter('e-open', { start: '2026-02-01' }),
    encounter('e-early', { start: '2025-12-31', end: '2026-02-03' }),
    encounter('e-unknown'),
    procedure('p-in', { performedDateTime: '2026-01-02' }),
    procedure('p-period', { performedPeriod: { start: '2026-01-02', end: '2026-01-03' } }),
    procedure('p-age', { performedAge: { value: 3 } }),
    { resourceType: 'Goal', id: 'g', lifecycleStatus: 'active', startDate: '2026-01-02', ...shared } as Resource,
    { resourceType: 'BodyStructure', id: 'b', patient: { reference: 'Patient/ann' } },
    { resourceType: 'Flag', id: 'f', status: 'active', code: {}, ...shared } as Resource,
  )
  const nurse = storeOf(w.staff('nurse'))
  const seen = async () => [
    ...(await see(nurse, 'Condition')),
    ...(await see(nurse, 'Encounter')),
    ...(await see(nurse, 'Procedure')),
    ...(await see(nurse, 'Goal')),
    ...(await see(nurse, 'BodyStructure')),
    ...(await see(nurse, 'Flag')),
  ]
  const give = (...permits: Parameters<typeof w.consent>[3]) => put(w.consent('typed', 'ann', 'active', permits))
  t.strictSame(await seen(), [])
  await give(
    w.permitType('Condition', { dataPeriod: { start: '2026-03', end: '2026-03' } }),
    w.permitType('Encounter'),
    w.permitType('Procedure'),
    w.permitType('Goal'),
    w.permitType('BodyStructure'),
  )
  t.strictSame(await seen(), ['c-in', 'e-in', 'e-open', 'p-in', 'p-period', 'g', 'b'])
  t.strictSame(await observations(w.staff('nurse')), [], 'naming a type opens no Observation')
  t.strictSame(await see(nurse, 'Device'), ['acme', 'other'], 'nor a device of the patient')
  t.strictSame(await see(storeOf(w.client('of-clinic', { organization: 'clinic' })), 'Condition'), ['c-in'])
  t.strictSame(await see(storeOf(w.staff('researcher')), 'Condition'), [], 'another study')
  await give(w.permitType('Encounter', { dataPeriod: { start: '2026-01', end: '2026-12' } }))
  t.strictSame(await seen(), ['e-in'], 'an open end lies in no period that has an end')
  await put(w.consent('typed', 'ann', 'inactive', [w.permitType('Encounter')]))
  t.strictSame(await seen(), [])
})

t.test('a patient can share with a clinician or an organization without a study', async t => {
  const shared = (id: string, patient: string, actor: string, code = heartRate): Resource => ({
    ...w.consent('open', patient, 'active', []),
    id,
    extension: [],
    scope: { coding: [{ code: 'patient-privacy' }] },
    provision: {
      type: 'deny',
      actor: [{ role: { coding: [{ code: 'IRCP' }] }, reference: { reference: actor } }],
      provision: [w.permit(code)],
    },
  })
  await put(
    { resourceType: 'Practitioner', id: 'clinician' },
    shared('to-clinician', 'bob', 'Practitioner/clinician'),
    shared('to-elsewhere', 'bob', 'Organization/elsewhere'),
  )
  for (const reader of [w.staff('clinician'), w.staff('visitor')]) {
    t.strictSame(await observations(reader), ['bob-hr'])
    t.equal((await see(storeOf(reader), 'Consent')).length, 1)
    t.strictSame(await see(storeOf(reader), 'Patient'), [], 'the data, not the person')
  }
  t.strictSame(await observations(w.staff('visitor', 'user/*.rs', 'foreign')), [], 'narrowed to a study')
  const narrowed = storeOf(w.staff('clinician', 'user/*.rs', 'foreign'))
  t.strictSame(await see(narrowed, 'Consent'), [], 'a token for a study sees no consent without one')
  await put(shared('of-ann', 'ann', 'Practitioner/clinician', weight))
  const weights = ['ann-weight-acme', 'ann-weight-other', 'ann-weight-unknown']
  t.strictSame(await observations(w.staff('clinician')), [...weights, 'bob-hr'], 'what each of them shares themselves')
  t.strictSame(await see(storeOf(w.patient('bob', 'patient/Practitioner.rs')), 'Practitioner'), ['clinician'])
})

t.test('what is given to an organization is read by those who work in it now', async t => {
  await put(w.role('now', 'elsewhere', 'viewer'), w.role('before', 'elsewhere', 'viewer', '2026-01-01'), {
    ...w.role('later', 'elsewhere', 'viewer'),
    period: { start: '2999' },
  } as Resource)
  const read = []
  for (const name of ['now', 'before', 'later']) read.push(await observations(w.staff(name)))
  t.strictSame(read, [['bob-hr'], [], []])
})

t.test('a device that the server made is seen by those to whom something is given that it has measured', async t => {
  const ids = ['found', 'made-for-rate', 'made-for-weight']
  await put(...ids.map((id): Resource => ({ resourceType: 'Device', id, patient: { reference: 'Patient/bob' } })))
  await world.database.run(sql.fragment`
    INSERT INTO upload_device (patient_id, key, id, is_made)
    SELECT patient_id, gen_random_uuid(), id, id <> 'found' FROM device WHERE id = ANY(${sql.array(ids, 'text')})`)
  for (const [id, kind] of Object.entries({ 'made-for-rate': heartRate, 'made-for-weight': weight }))
    await world.database.run(sql.fragment`
      INSERT INTO upload_device_kind (patient_id, id, kind_id)
      SELECT patient_id, device.id, kind_id FROM device, kind WHERE device.id = ${id} AND kind.key = ${kind}`)
  t.strictSame(await see(storeOf(w.staff('now')), 'Device', 'patient=bob'), ['bob-acme', 'found', 'made-for-rate'])
})

t.test('the next query hides what was withdrawn, and what ended with an enrolment or a study', async t => {
  await put(w.study('open', 'lab', [w.chooses('identity', 'identified'), w.requests(heartRate)], 'completed'))
  t.strictSame(await observations(w.staff('researcher')), [], 'the study is over')
  await put(w.study('open', 'lab', [w.chooses('identity', 'identified'), w.requests(heartRate)], 'active'))
  t.strictSame(await observations(w.staff('researcher')), covered)
  t.strictSame(await observations(w.staff('collaborator')), [], 'no longer staff')
  await put(w.enrols('open', 'ann', 'withdrawn'))
  t.strictSame(await observations(w.staff('researcher')), [], 'off-study')
  await put(w.consent('open', 'ann', 'inactive', [w.permit(heartRate)]))
  t.strictSame(await observations(w.staff('researcher')), [])
  t.strictSame(await see(storeOf(w.staff('technician')), 'Patient'), [])
})

t.test('staff of a coded study read what its people measure, and of an identified one also who they are', async t => {
  for (const identity of ['coded', 'identified']) {
    const extension = [w.chooses('access', 'staff'), w.chooses('identity', identity), w.requests(heartRate)]
    await put(
      w.study(identity, 'lab', [...extension, w.works(identity, 'researcher')]),
      w.enrols(identity, 'bob'),
      w.consent(identity, 'bob', 'active', [w.permit(heartRate)]),
    )
  }
  const seenBy = async (name: string) => {
    const store = storeOf(w.staff(name))
    return [await see(store, 'Observation'), await see(store, 'Patient')]
  }
  t.strictSame(await seenBy('coded'), [['bob-hr'], []])
  t.strictSame(await seenBy('identified'), [['bob-hr'], ['bob']])
})

t.test(
  'who shares with a coded study alone is not shown as a person to staff who read for an identified one too',
  async t => {
    const extension = [w.chooses('access', 'staff'), w.requests(heartRate), w.works('both', 'researcher')]
    await put(
      w.study('nameless', 'lab', [...extension, w.chooses('identity', 'coded')]),
      w.study('named', 'lab', [...extension, w.chooses('identity', 'identified')]),
      ...['nameless', 'named'].map(id => w.enrols(id, 'bob')),
      w.consent('nameless', 'bob', 'active', [w.permit(heartRate)]),
      w.consent('named', 'bob', 'active', [w.permit(heartRate, { period: { end: '2026-01' } })]),
    )
    t.strictSame(await observations(w.staff('both')), ['bob-hr'])
    t.strictSame(await see(storeOf(w.staff('both')), 'Patient'), [], 'the time for the identified one is over')
  },
)

t.test('staff of two studies see the people of one by a token for that one', async t => {
  for (const study of ['nameless', 'named'])
    t.strictSame(await see(storeOf(w.staff('both', 'user/*.rs', study)), 'ResearchSubject'), [`${study}-bob`])
})

t.test('a study with another organization’s Group shows its members to nobody, nor those of other studies', async t => {
  await put(...['keeper', 'grabber'].map((id): Resource => ({ resourceType: 'Practitioner', id })), {
    ...w.study('grabbing', 'annex', [w.works('grabber', 'researcher')]),
    enrollment: [{ reference: 'Group/group-open' }],
  } as Resource)
  await put(w.study('early', 'annex', [w.works('grabber', 'researcher')]), w.groupOf('early', 'lab'))
  const grabber = storeOf(w.staff('grabber'))
  t.strictSame(await see(grabber, 'ResearchStudy'), ['early', 'grabbing'])
  t.strictSame(await see(grabber, 'Group'), [])
  t.strictSame(await see(grabber, 'Practitioner'), ['grabber'])
})

t.test('what a provision gives to another organization only, a study does not get', async t => {
  const receives = (organization: string) => [
    { role: { coding: [{ code: 'IRCP' }] }, reference: { reference: `Organization/${organization}` } },
  ]
  const extension = [w.chooses('access', 'staff'), w.requests(heartRate), w.works('receiver', 'researcher')]
  await put(w.study('received', 'lab', extension), w.enrols('received', 'bob'))
  const give = (organization: string) =>
    put(w.signedAnew(w.consent('received', 'bob', 'active', [w.permit(heartRate, { actor: receives(organization) })])))
  await give('elsewhere')
  t.strictSame(await observations(w.staff('receiver')), [])
  await give('lab')
  t.strictSame(await observations(w.staff('receiver')), ['bob-hr'])
})

t.test('a role that is over, has not begun or is unknown to us shows nothing', async t => {
  await put(
    { ...w.role('coming', 'lab', 'manager'), period: { start: '2999' } } as Resource,
    { ...w.role('present', 'lab', 'manager'), period: { start: '2026', end: '2999' } } as Resource,
    { ...w.role('stranger', 'lab', 'x'), code: [{ coding: [{ system: 'urn:other', code: 'manager' }] }] } as Resource,
  )
  const types = ['Patient', 'ResearchStudy', 'Group', 'ResearchSubject', 'Organization', 'PractitionerRole'] as const
  for (const type of types) {
    for (const name of ['former', 'coming', 'stranger'])
      t.strictSame(await see(storeOf(w.staff(name)), type), [], `${name} ${type}`)
    t.not((await see(storeOf(w.staff('present')), type)).length, 0, type)
  }
})

t.test('whoever manages a study, or manages from above, reads who its staff are; others above do not', async t => {
  const named = [w.works('guest', 'researcher')]
  const study = (staff: typeof named) =>
    w.study('few', 'institute', [w.chooses('access', 'staff'), w.requests(heartRate), ...staff])
  await put(
    ...['guest', 'stranger'].map((id): Resource => ({ resourceType: 'Practitioner', id })),
    w.organization('academy'),
    w.organization('institute', 'academy'),
    w.organization('workshop', 'institute'),
    w.role('provost', 'academy', 'manager'),
    w.role('rector', 'academy', 'member'),
    w.role('head', 'institute', 'manager'),
    w.role('master', 'workshop', 'manager'),
    w.role('retired', 'academy', 'manager', '2026-01-01'),
    study(named),
  )
  const seen = (who: string, study?: string) => see(storeOf(w.staff(who, 'user/*.rs', study)), 'Practitioner')
  for (const who of ['provost', 'head']) t.strictSame(await seen(who), ['guest'], who)
  for (const who of ['rector', 'master', 'retired', 'visitor']) t.strictSame(await seen(who), [], who)
  t.strictSame(await seen('provost', 'few'), [], 'with a token for one study')
  await put(study([]))
  t.strictSame(await seen('provost'), [], 'no study of theirs names them any more')
})
