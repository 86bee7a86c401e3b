import t from 'tap'
import { parseJson } from '../../src/fhir/json.ts'
import { repair } from '../../src/mhealth/repair.ts'

/** The tree afterwards, and what was read differently where. */
const repaired = (tree: unknown) => {
  const { tree: after, repairs } = repair(tree)
  return [after, repairs.map(({ code, pointer }) => `${code} ${pointer}`)]
}
const during = (time_interval: object) => ({ effective_time_frame: { time_interval } })

t.test('what is written as its schema says stays as it is', async t => {
  const tree = {
    heart_rate: { value: 60, unit: 'beats/min' },
    ...during({ start_date_time: '2026-03-01T08:00:00Z', duration: { value: 1, unit: 'min' } }),
    temporal_relationship_to_sleep: 'on waking',
    user_notes: 'none',
    list: [1, 'bpm', null, true],
  }
  t.strictSame(repaired(tree), [tree, []])
  for (const other of [null, 'bpm', 5, []]) t.strictSame(repaired(other), [other, []])
})

t.test('a unit is read by the measure that it belongs to', async t => {
  const of = (heart: string, breath: string) => ({
    heart_rate: { value: 60, unit: heart },
    respiratory_rate: { value: 12, unit: breath },
  })
  t.strictSame(repaired(of('bpm', 'bpm')), [
    of('beats/min', 'breaths/min'),
    ['unit-spelling /heart_rate/unit', 'unit-spelling /respiratory_rate/unit'],
  ])
  const list = (unit: string) => [{ blood_glucose: [{ value: 5, unit }] }]
  t.strictSame(repaired(list('mg/dl')), [list('mg/dL'), ['unit-spelling /0/blood_glucose/0/unit']])
})

t.test('a repair tells what was sent, and what it was read as', async t => {
  t.strictSame(repair({ body_weight: { unit: 'lbs' } }).repairs, [
    {
      code: 'unit-spelling',
      message: '"lbs" was read as "lb"',
      after: 'lb',
      pointer: '/body_weight/unit',
      before: 'lbs',
    },
  ])
})

t.test('a time without a zone is in UTC, and one without seconds is the whole minute', async t => {
  const at = (date_time: string) => ({ effective_time_frame: { date_time } })
  const place = '/effective_time_frame/date_time'
  t.strictSame(repaired(at('2026-03-01T08:00:00')), [at('2026-03-01T08:00:00Z'), [`time-zone-missing ${place}`]])
  t.strictSame(repaired(at('2026-03-01T08:00')), [at('2026-03-01T08:00:00Z'), [`time-zone-missing ${place}`]])
  t.strictSame(repaired(at('2026-03-01T08:00+01:00')), [at('2026-03-01T08:00:00+01:00'), [`seconds-missing ${place}`]])
  for (const none of ['2026-03-01', 'soon', '2026-02-30T08:00:00']) t.strictSame(repaired(at(none)), [at(none), []])
})

t.test('a duration that agrees with start and end is left out, and no other', async t => {
  const bounds = { start_date_time: '2026-03-01T08:00:00Z', end_date_time: '2026-03-01T08:30:00Z' }
  const lasting = (value: number, unit = 'min') => during({ ...bounds, duration: { value, unit } })
  t.strictSame(repaired(lasting(30)), [
    during(bounds),
    ['duration-beside-interval /effective_time_frame/time_interval'],
  ])
  t.strictSame(repaired(lasting(31)), [lasting(31), []])
  const inMinutes = repaired(lasting(30, 'minutes'))
  t.strictSame(inMinutes, [
    during(bounds),
    [
      'unit-spelling /effective_time_frame/time_interval/duration/unit',
      'duration-beside-interval /effective_time_frame/time_interval',
    ],
  ])
})

t.test('a part of a day is some time of its date', async t => {
  t.strictSame(repaired(during({ date: '2026-03-01', part_of_day: 'morning' })), [
    during({ start_date_time: '2026-03-01T00:00:00Z', end_date_time: '2026-03-01T23:59:59Z' }),
    ['part-of-day /effective_time_frame/time_interval'],
  ])
  for (const none of [
    { date: '2026-02-30', part_of_day: 'morning' },
    { date: '2026-03-01', part_of_day: 'noon' },
  ])
    t.strictSame(repaired(during(none)), [during(none), []])
})

t.test('the version of a schema may be a number, and keeps its digits', async t => {
  const of = (version: string) => ({
    header: { schema_id: { version: parseJson(version) } },
    version: parseJson('2.0'),
  })
  const [after, told] = repaired(of('2.0'))
  t.strictSame(
    [JSON.stringify(after), told],
    ['{"header":{"schema_id":{"version":"2.0"}},"version":2.0}', ['version-number /header/schema_id/version']],
  )
  for (const schema_id of [{ version: '2.0' }, { name: 2 }]) t.strictSame(repaired({ schema_id }), [{ schema_id }, []])
})

t.test('an answer that says nothing is left out, and one in other words is that of the schema', async t => {
  for (const nothing of ['', 'unknown', 'Unspecified', 'NONE', 'n/a'])
    t.strictSame(repaired({ specimen_source: nothing, kept: 1 }), [{ kept: 1 }, ['answer-empty /specimen_source']])
  for (const name of [
    'temporal_relationship_to_meal',
    'temporal_relationship_to_sleep',
    'temporal_relationship_to_physical_activity',
    'body_posture',
    'measurement_location',
    'specimen_source',
    'modality',
  ])
    t.strictSame(repaired({ [name]: 'unknown' }), [{}, [`answer-empty /${name}`]])
  t.strictSame(repaired({ temporal_relationship_to_sleep: 'during' }), [
    { temporal_relationship_to_sleep: 'during sleep' },
    ['answer-spelling /temporal_relationship_to_sleep'],
  ])
  for (const modality of ['self_reported', 'self reported'])
    t.strictSame(repaired({ modality }), [{ modality: 'self-reported' }, ['answer-spelling /modality']])
  t.strictSame(repaired({ body_posture: 'unknown to me' }), [{ body_posture: 'unknown to me' }, []])
})
