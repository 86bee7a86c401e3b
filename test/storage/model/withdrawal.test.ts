import type { Consent, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import * as w from './world.ts'

const heartRate = 'omh:heart-rate'
const weight = 'omh:body-weight'
const words = 'What we have until then we keep.'

const world = await w.openWorld()
t.teardown(world.close)
const { put, see, storeOf } = world

const study = (status = 'active') =>
  w.study(
    'keeping',
    'lab',
    [
      w.chooses('identity', 'identified'),
      w.requests(heartRate),
      w.requestsType('Condition'),
      w.patientText('1', words, 'keep'),
    ],
    status,
  )
const consent = (status: NonNullable<Consent['status']>, id = 'c', permits = permitted): Consent => ({
  ...w.consent('keeping', 'ann', status, permits),
  id,
  sourceAttachment: w.sourceOf(words),
})
const permitted = [w.permit(heartRate), w.permitType('Condition')]
const condition = (id: string, recordedDate = '2026-03-01'): Resource =>
  ({ resourceType: 'Condition', id, subject: { reference: 'Patient/ann' }, recordedDate }) as Resource
const device: Resource = { resourceType: 'Device', id: 'watch', patient: { reference: 'Patient/ann' } }

await put(
  w.organization('lab'),
  w.role('researcher', 'lab', 'viewer'),
  w.organization('home'),
  w.registered('ann', 'home'),
  study(),
  w.enrols('keeping', 'ann'),
  consent('active'),
  device,
  w.measured('before', 'ann', heartRate),
  w.measured('corrected', 'ann', heartRate),
  w.measured('to-come', 'ann', heartRate, { effectiveDateTime: '2999-01-01' }),
  w.measured('lasting', 'ann', heartRate, {
    effectivePeriod: { start: '2026-03-01' },
    effectiveDateTime: undefined,
  } as object),
  w.measured('other-kind', 'ann', weight),
  w.measured('derived', 'ann', heartRate, { derivedFrom: [{ reference: 'Observation/before' }] }),
  condition('c-before'),
  condition('c-to-come', '2999'),
)
const researcher = storeOf(w.staff('researcher'))
const seen = async () => [
  ...(await see(researcher, 'Observation')),
  ...(await see(researcher, 'Condition')),
  ...(await see(researcher, 'Device', 'patient=ann')),
  ...(await see(researcher, 'Patient')),
]
const create = async (resource: Resource) => {
  const { id: _, ...rest } = resource
  const [written] = await storeOf(w.patient('ann')).write([{ kind: 'create', resource: rest as Resource }])
  return written?.outcome === 'refused' ? written.error.status : written?.outcome
}
const kept = ['before', 'derived', 'c-before', 'watch']

t.test('after a withdrawal, a text that promises to keep lets the study read what it had, and nothing new', async t => {
  t.strictSame(await seen(), [
    'before',
    'corrected',
    'derived',
    'lasting',
    'to-come',
    'c-before',
    'c-to-come',
    'watch',
    'ann',
  ])
  t.equal(await create(w.measured('x', 'ann', heartRate)), 'created')
  await put(consent('inactive', 'c', [...permitted, w.permit(weight)]))
  t.equal((await seen()).length, 6, 'the last version does not widen anything')
  await put(
    w.measured('corrected', 'ann', heartRate, { note: [{ text: 'not the study’s to know' }] }),
    w.measured('late', 'ann', heartRate),
    condition('c-late'),
    { ...device, id: 'late-watch' },
  )
  t.equal((await seen()).length, 5, 'what is stored or changed later is hidden')
  t.equal(await create(w.measured('x', 'ann', heartRate)), 403, 'nothing more can be uploaded with it')
  t.strictSame(
    (await seen()).filter(id => kept.includes(id)),
    kept,
  )
  t.notOk((await seen()).includes('ann'), 'the person is not shown any more')
  await t.rejects(researcher.read('Observation', 'corrected'), 'not by its id')
  await t.rejects(researcher.vread('Observation', 'corrected', '1'), 'nor its old version')
  t.equal((await researcher.read('Observation', 'before')).id, 'before')
})

t.test('it is kept as long as the patient stays in the study, and the study continues', async t => {
  const all = await seen()
  await put(consent('inactive'))
  t.strictSame(await seen(), all, 'the moment of the withdrawal counts, not that of later changes')
  await put(study('completed'))
  t.strictSame(await seen(), [])
  await put(study())
  t.strictSame(await seen(), all)
  await put({ ...w.enrols('keeping', 'ann'), status: 'follow-up' } as Resource)
  t.strictSame(await seen(), all, 'it is the same place')
})

t.test('whoever is asked again is no person to the study that still reads what it kept', async t => {
  await put(consent('proposed', 'asked'))
  t.ok((await seen()).includes('before'))
  t.notOk((await seen()).includes('ann'))
  await world.importer.write([{ kind: 'delete', type: 'Consent', id: 'asked' }])
})

t.test('a new Consent exists beside what was kept', async t => {
  await put(w.signedAnew(consent('active', 'again', [w.permit(heartRate, { dataPeriod: { start: '2027' } })])))
  t.ok((await seen()).includes('before'))
  t.equal(await create(w.measured('x', 'ann', heartRate)), 'created')
  await put(consent('inactive', 'again'))
})

t.test('a Consent that is entered-in-error or deleted keeps nothing', async t => {
  await put(consent('entered-in-error'))
  t.notOk((await seen()).includes('before'))
  await put(w.signedAnew(consent('active', 'third')), consent('inactive', 'third'))
  t.ok((await seen()).includes('before'))
  await world.importer.write([{ kind: 'delete', type: 'Consent', id: 'third' }])
  t.notOk((await seen()).includes('before'))
})

t.test('what was never given is not kept', async t => {
  await put(consent('proposed', 'fourth'), consent('inactive', 'fourth'))
  t.notOk((await seen()).includes('before'))
})

t.test('everything is hidden if the text says nothing of it, or says that data is erased', async t => {
  const other = 'Then it is gone.'
  for (const [id, text] of [
    ['silent', w.patientText('1', other)],
    ['erasing', w.patientText('1', other, 'erase')],
  ] as const) {
    const given = (status: NonNullable<Consent['status']>): Consent => ({
      ...w.consent(id, 'ann', status, [w.permit(heartRate)]),
      sourceAttachment: w.sourceOf(other),
    })
    await put(w.study(id, 'lab', [w.requests(heartRate), text]), w.enrols(id, 'ann'), given('active'))
    t.ok((await seen()).includes('before'), id)
    await put(given('inactive'))
    t.notOk((await seen()).includes('before'), id)
  }
})

t.test('once they have left, nothing that was kept comes back because others enrol them anew', async t => {
  const given = (status: NonNullable<Consent['status']>, patient: string): Consent => ({
    ...consent(status, `given-${patient}`),
    patient: { reference: `Patient/${patient}` },
  })
  const kept = async (patient: string) => see(researcher, 'Observation', `patient=${patient}`)
  for (const [patient, ...leaving] of [
    ['withdrew-first', 'inactive', 'left'],
    ['left-first', 'left', 'inactive'],
  ] as const) {
    const pulse = `${patient}-pulse`
    await put(
      w.registered(patient, 'home'),
      w.enrols('keeping', patient),
      given('active', patient),
      w.measured(pulse, patient, heartRate),
    )
    t.strictSame(await kept(patient), [pulse])
    for (const step of leaving)
      await put(step === 'left' ? w.enrols('keeping', patient, 'withdrawn') : given('inactive', patient))
    t.strictSame(await kept(patient), [])
    await put({ ...w.enrols('keeping', patient), id: `keeping-${patient}-again` } as Resource)
    t.strictSame(await kept(patient), [], patient)
    await put({ ...w.signedAnew(given('active', patient)), id: `anew-${patient}` } as Resource)
    t.strictSame(await kept(patient), [pulse], 'what they sign anew counts')
    await put({ ...w.signedAnew(given('inactive', patient)), id: `anew-${patient}` } as Resource)
    t.strictSame(await kept(patient), [pulse], 'and is kept')
  }
})

t.test('nor because another place of theirs is made one in the study', async t => {
  const place = { ...w.enrols('keeping', 'cay'), id: 'cay-place' }
  await put(
    w.study('other', 'lab', [w.requests(heartRate)]),
    w.registered('cay', 'home'),
    { ...w.enrols('other', 'cay'), id: 'cay-place' } as Resource,
    w.enrols('keeping', 'cay'),
    w.measured('cay-pulse', 'cay', heartRate),
    { ...consent('active', 'of-cay'), patient: { reference: 'Patient/cay' } },
    { ...consent('inactive', 'of-cay'), patient: { reference: 'Patient/cay' } },
  )
  const kept = () => see(researcher, 'Observation', 'patient=cay')
  t.strictSame(await kept(), ['cay-pulse'])
  await put(w.enrols('keeping', 'cay', 'off-study'), place as Resource)
  t.strictSame(await kept(), [])
})

t.test('what one study was given is not kept by another, to which its deleted Consent comes back', async t => {
  const twin = { ...consent('active', 'of-dot'), patient: { reference: 'Patient/dot' } }
  await put(
    w.organization('annex'),
    w.role('stranger', 'annex', 'viewer'),
    w.study('twin', 'annex', [w.requests(heartRate), w.patientText('1', words, 'keep')]),
    w.registered('dot', 'home'),
    w.enrols('keeping', 'dot'),
    w.enrols('twin', 'dot'),
    w.measured('dot-pulse', 'dot', heartRate),
    twin,
  )
  const seenBy = (practitioner: string) => see(storeOf(w.staff(practitioner)), 'Observation', 'patient=dot')
  t.strictSame([await seenBy('researcher'), await seenBy('stranger')], [['dot-pulse'], []])
  await world.importer.write([{ kind: 'delete', type: 'Consent', id: 'of-dot' }])
  const { extension } = w.consent('twin', 'dot', 'inactive', [])
  await put({ ...twin, status: 'inactive', ...(extension && { extension }) })
  t.strictSame([await seenBy('researcher'), await seenBy('stranger')], [[], []])
})
