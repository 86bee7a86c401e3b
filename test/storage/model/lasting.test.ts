import type { Observation, Period } from '@medplum/fhirtypes'
import t from 'tap'
import { unknownEnd } from '../../../src/fhir/unknown-end.ts'
import * as w from './world.ts'

const heartRate = 'omh:heart-rate'
const weight = 'omh:body-weight'
const glucose = 'omh:blood-glucose'

const world = await w.openWorld()
t.teardown(world.close)
const { put, see, storeOf } = world

const contained = (id: string, code: string, more: Partial<Observation> = {}): Observation => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: w.kind(code),
  ...more,
})
const having = (...within: readonly Observation[]): Partial<Observation> => ({
  contained: [...within],
  hasMember: within.map(({ id }) => ({ reference: `#${id}` })),
})
const samples = (effectiveDateTime: string): Partial<Observation> => ({
  effectiveDateTime,
  valueSampledData: { origin: { value: 0 }, period: 3_600_000, dimensions: 1, data: '60 61 62 63 64' },
})
const { effectiveDateTime: _, ...untimed } = w.measured('over', 'ann', heartRate)
const over: Observation = { ...untimed, effectivePeriod: { start: '2026-02-03', ...unknownEnd } as Period }
const device = (id: string) => ({ device: { reference: `Device/${id}` } })

await put(
  w.organization('lab'),
  w.role('researcher', 'lab', 'viewer'),
  { resourceType: 'Device', id: 'acme', manufacturer: 'Acme' },
  { resourceType: 'Device', id: 'other', manufacturer: 'Other' },
  w.registered('ann', 'lab'),
  w.study('hearts', 'lab', [w.requests(heartRate), w.requests(weight, 'acme')]),
  w.enrols('hearts', 'ann'),
  w.consent('hearts', 'ann', 'active', [
    w.permit(heartRate, { dataPeriod: { start: '2026-02-01', end: '2026-03-01' } }),
    w.permit(weight, { data: [{ meaning: 'related', reference: { reference: 'Device/acme' } }] }),
  ]),
  w.measured('samples-within', 'ann', heartRate, samples('2026-03-01T19:00:00Z')),
  w.measured('samples-beyond', 'ann', heartRate, samples('2026-03-01T21:00:00Z')),
  over,
  w.measured('derived', 'ann', heartRate, {
    effectiveDateTime: '2026-03-01T21:00:00Z',
    derivedFrom: [{ reference: 'Observation/samples-beyond' }],
  }),
  w.measured('panel', 'ann', heartRate, { effectiveDateTime: '2026-03-01', ...having(contained('one', heartRate)) }),
  w.measured('panel-glucose', 'ann', heartRate, having(contained('one', heartRate), contained('two', glucose))),
  w.measured('panel-unknown', 'ann', heartRate, having(contained('one', 'nobody-knows'))),
  w.measured('panel-later', 'ann', heartRate, {
    effectiveDateTime: '2026-03-01',
    ...having(contained('one', heartRate, { effectiveDateTime: '2026-03-02' })),
  }),
  w.measured('panel-condition', 'ann', heartRate, {
    contained: [{ resourceType: 'Condition', id: 'one', subject: { reference: 'Patient/ann' } }],
    extension: [{ url: 'https://example.org/because', valueReference: { reference: '#one' } }],
  }),
  w.measured('panel-specimen', 'ann', heartRate, {
    effectiveDateTime: '2026-03-01',
    contained: [{ resourceType: 'Specimen', id: 'one' }],
    specimen: { reference: '#one' },
  }),
  w.measured('scale', 'ann', weight, { ...device('acme'), ...having(contained('one', weight)) }),
  w.measured('scale-other', 'ann', weight, { ...device('acme'), ...having(contained('one', weight, device('other'))) }),
)
const seen = () => see(storeOf(w.staff('researcher')), 'Observation')
const covered = ['panel', 'panel-specimen', 'samples-within', 'scale']

t.test(
  'a consent covers all of an Observation or nothing: samples after the effective time and contained resources count',
  async t => {
    t.strictSame(await seen(), covered)
    t.strictSame(await see(storeOf(w.staff('researcher')), 'Observation', 'code=omh:heart-rate'), [
      'panel',
      'panel-specimen',
      'samples-within',
    ])
    t.equal((await see(storeOf(w.patient('ann')), 'Observation')).length, 12, 'its patient reads all')
  },
)

t.test('a search for a date still means the effective time', async t => {
  const own = storeOf(w.patient('ann'))
  t.strictSame(await see(own, 'Observation', 'date=eq2026-03-01T21:00:00Z'), ['derived', 'samples-beyond'])
  t.strictSame(await see(own, 'Observation', 'date=2026-02-03'), ['over'])
})

t.test('an update is judged by its own content', async t => {
  await put(w.measured('samples-beyond', 'ann', heartRate, samples('2026-03-01T18:00:00Z')))
  t.strictSame(await seen(), ['derived', ...covered.slice(0, 1), 'samples-beyond', ...covered.slice(1)].sort())
  await put(w.measured('samples-beyond', 'ann', heartRate, samples('2026-03-01T21:00:00Z')))
  t.strictSame(await seen(), covered)
})

t.test('what lies before the effective time counts as well', async t => {
  const earlier = having(contained('one', heartRate, { effectiveDateTime: '2026-01-31' }))
  await put(w.measured('panel-earlier', 'ann', heartRate, { effectiveDateTime: '2026-02-01', ...earlier }))
  t.strictSame(await seen(), covered)
})
