import type { Consent, ConsentProvision, Observation } from '@medplum/fhirtypes'
import t from 'tap'
import * as w from './world.ts'

const heartRate = 'omh:heart-rate'
const weight = 'omh:body-weight'
const words = 'What we have until then we keep.'

const world = await w.openWorld()
t.teardown(world.close)
const { put, see, storeOf } = world

const named = (id: string) => ({ reference: `Device/${id}` })
const fromAcme: ConsentProvision = { data: [{ meaning: 'related', reference: named('acme') }] }

/** What each patient gives of their weight to the study of weights; all give their heart rate to the study of hearts. */
const given: Readonly<Record<string, { readonly permit: ConsentProvision; readonly status?: Consent['status'] }>> = {
  whole: { permit: {} },
  over: { permit: { period: { end: '2026-01' } } },
  'to-come': { permit: { period: { start: '2999' } } },
  earlier: { permit: { dataPeriod: { start: '2026-01', end: '2026-02' } } },
  later: { permit: { dataPeriod: { start: '2026-04' } } },
  source: { permit: fromAcme },
  proposed: { permit: {}, status: 'proposed' },
}
const patients = [...Object.keys(given), 'nothing']

const weights = (patient: string, status: Consent['status'] = 'active', permit: ConsentProvision = {}): Consent => ({
  ...w.consent('weights', patient, status ?? 'active', [w.permit(weight, permit)]),
  sourceAttachment: w.sourceOf(words),
})
const measuredBy = (id: string | undefined): Partial<Observation> => (id === undefined ? {} : { device: named(id) })
/** Of both kinds, and of one kind but derived from the other. */
const joint = (patient: string, name: string, device?: string): readonly Observation[] => [
  w.measured(`${name}-panel`, patient, heartRate, {
    ...measuredBy(device),
    component: [{ code: w.kind(weight), valueString: 'x' }],
  }),
  w.measured(`${name}-weight`, patient, weight, measuredBy(device)),
  w.measured(`${name}-derived`, patient, heartRate, { derivedFrom: [{ reference: `Observation/${name}-weight` }] }),
]

await put(
  w.organization('lab'),
  { resourceType: 'Device', id: 'acme', manufacturer: 'Acme' },
  { resourceType: 'Device', id: 'other', manufacturer: 'Other' },
  w.study('hearts', 'lab', [
    w.chooses('access', 'staff'),
    w.requests(heartRate),
    w.works('both', 'researcher'),
    w.works('one', 'researcher'),
  ]),
  w.study('weights', 'lab', [
    w.chooses('access', 'staff'),
    w.requests(weight),
    w.works('both', 'researcher'),
    w.patientText('1', words, 'keep'),
  ]),
)
for (const patient of patients) {
  await put(w.registered(patient, 'lab'), w.enrols('hearts', patient), w.enrols('weights', patient))
  await put(w.consent('hearts', patient, 'active', [w.permit(heartRate)]))
  const { permit, status } = given[patient] ?? {}
  if (permit !== undefined) await put(weights(patient, status, permit))
  await put(...joint(patient, patient))
}
await put(...joint('source', 'of-acme', 'acme'), ...joint('source', 'of-other', 'other'))
await put(w.measured('whole-heart', 'whole', heartRate))

const both = storeOf(w.staff('both'))

t.test(
  'an Observation of several kinds is read if consents in force cover each: its source, time and patient',
  async t => {
    t.strictSame(await see(both, 'Observation', 'code=omh:heart-rate'), [
      'of-acme-derived',
      'of-acme-panel',
      'whole-derived',
      'whole-heart',
      'whole-panel',
    ])
    t.strictSame(await see(storeOf(w.staff('one')), 'Observation'), ['whole-heart'], 'one kind is given to others only')
  },
)

t.test('if a study keeps what it had of a kind, later data of it is not read as a part of another kind', async t => {
  await put(weights('whole', 'inactive'))
  await put(...joint('whole', 'after'))
  await put(
    w.measured('after-of-before', 'whole', heartRate, { derivedFrom: [{ reference: 'Observation/whole-weight' }] }),
  )
  t.strictSame(await see(both, 'Observation', 'patient=whole&code=omh:heart-rate'), [
    'after-of-before',
    'whole-derived',
    'whole-heart',
    'whole-panel',
  ])
})
