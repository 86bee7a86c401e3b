import type { Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { standardExtensions } from '../../../src/fhir/canonical.ts'
import { intervalOf } from '../../../src/fhir/date.ts'
import { unknownEnd } from '../../../src/fhir/unknown-end.ts'
import { lastingOf } from '../../../src/storage/prepare/observation-lasting.ts'

const start = '2026-03-01T23:00:00Z'
const effective = intervalOf(start) ?? { low: '-infinity', high: 'infinity' }
const sampled = (more: object) => ({ origin: { value: 0 }, period: 60_000, dimensions: 1, data: '60 61 62', ...more })
const lasting = (more: object) =>
  lastingOf({ resourceType: 'Observation', status: 'final', code: {}, effectiveDateTime: start, ...more }, effective)
const offsets = (valueString: string) => ({ extension: [{ url: standardExtensions.sampledDataOffsets, valueString }] })

t.test('sampled data lasts from the first to the last sample', async t => {
  const until = { low: '2026-03-01T23:00:00.000Z', high: '2026-03-01T23:02:00.001Z' }
  t.same(lasting({ valueSampledData: sampled({}) }), until)
  t.same(lasting({ component: [{ code: {}, valueSampledData: sampled({}) }] }), until, 'in a component, too')
  t.same(
    lasting({ valueSampledData: sampled({ data: '60 61 62 E E' }) }),
    until,
    'missing samples at the end do not count',
  )
  t.same(lasting({ valueSampledData: sampled({ data: '1 2 3 4 5 6', dimensions: 2 }) }), until)
  t.same(lasting({ valueSampledData: sampled({ data: '1 2', ...offsets('0 120000') }) }), until)
  t.same(lasting({ valueSampledData: sampled({ data: '1 2', ...offsets('-60000 0') }) }), {
    low: '2026-03-01T22:59:00.000Z',
    high: effective.high,
  })
})

t.test('what the effective time says is not repeated', async t => {
  t.equal(lasting({}), undefined)
  t.equal(lasting({ valueSampledData: sampled({ data: '60' }) }), undefined)
  t.equal(lasting({ valueSampledData: sampled({ period: 10, data: '60 61 62' }) }), undefined, 'within its second')
  const period = { low: '2026-03-01T23:00:00.000Z', high: '2026-03-01T23:03:00.000Z' }
  t.equal(lastingOf({ valueSampledData: sampled({}) } as Observation, period), undefined)
})

t.test('if nobody can say how long it lasts, it has no end', async t => {
  const ever = { low: '-infinity', high: 'infinity' }
  t.same(lasting({ valueSampledData: sampled({ period: 1e300 }) }), ever)
  t.same(lasting({ valueSampledData: sampled(offsets('0 soon')) }), ever)
  const timed = (effectiveTiming: object) => lasting({ effectiveTiming })
  t.same(timed({ event: [start], repeat: { count: 100, period: 1, periodUnit: 'd' } }), {
    ...effective,
    high: 'infinity',
  })
  const period = (more: object) => lasting({ effectiveDateTime: undefined, effectivePeriod: { start, ...more } })
  for (const valueCode of ['unknown', 'asked-unknown'])
    t.same(period({ _end: { extension: [{ url: standardExtensions.dataAbsentReason, valueCode }] } }), {
      ...effective,
      high: 'infinity',
    })
  t.equal(
    period({ _end: { extension: [{ url: standardExtensions.dataAbsentReason, valueCode: 'error' }] } }),
    undefined,
  )
  t.equal(period({ ...unknownEnd, end: '2026-03-02' }), undefined)
  t.same(timed({ event: [start], code: { text: 'each day' } }), { ...effective, high: 'infinity' })
  t.equal(timed({ event: [start] }), undefined)
  t.equal(timed({ repeat: { boundsPeriod: { start, end: start } } }), undefined)
})
