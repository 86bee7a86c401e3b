import { readdir, readFile } from 'node:fs/promises'
import type { Observation, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import * as w from './world.ts'

const steps = 'omh:step-count'
const heartRate = 'omh:heart-rate'
const world = await w.openWorld()
t.teardown(world.close)
const { database, put, see, storeOf } = world

/** From the first moment of the 2nd of February to the last of the 28th, in Kathmandu. */
const [from, until] = ['2026-02-02T00:00:00+05:45', '2026-02-28T23:59:59.999+05:45']
const [first, bound] = [Date.parse(from), Date.parse(until) + 1]
const dataPeriod = { start: from, end: until }
await put(
  w.organization('lab'),
  w.role('researcher', 'lab', 'viewer'),
  w.registered('ann', 'lab'),
  w.study('walks', 'lab', [w.requests(steps), w.requests(heartRate), w.requestsType('Procedure')]),
  w.enrols('walks', 'ann'),
  w.consent('walks', 'ann', 'active', [
    w.permit(steps, { dataPeriod }),
    w.permit(heartRate, { dataPeriod }),
    w.permitType('Procedure', { dataPeriod }),
  ]),
)
const seen = (query?: string) => see(storeOf(w.staff('researcher')), 'Observation', query)

/** `us`: a moment in microseconds, to as many digits of a second as are told. */
const written = (us: number, digits: number): string => {
  const [seconds] = new Date(Math.floor(us / 1e6) * 1000).toISOString().split('.')
  const fraction = String(us % 1e6).padStart(6, '0')
  return `${seconds}${digits === 0 ? '' : `.${fraction.slice(0, digits)}`}Z`
}

type Time = { readonly us: number; readonly digits: number }
type Case = { readonly start: Time; readonly end?: Time }

const lengthOf = (digits: number): number => 10 ** (6 - digits)
const shown = ({ us, digits }: Time): number => us - (us % 10 ** (6 - digits))

/** A moment lasts as long as it is exact; a Period ends with the moment that its end names, unless it has no length. */
const isWithin = ({ start, end }: Case): boolean => {
  const low = shown(start)
  const named = end && shown(end)
  const high = named !== undefined && named > low ? named : shown(end ?? start) + lengthOf((end ?? start).digits)
  return low >= first * 1000 && high <= bound * 1000
}

let state = 11
const draw = (below: number): number => {
  state = (state * 1_103_515_245 + 12_345) % 2 ** 31
  return Math.floor((state / 2 ** 31) * below)
}
const pick = <T>(of: readonly T[]): T => of[draw(of.length)] as T
const around = (atMs: number): Time => ({
  us:
    atMs * 1000 +
    pick([-86_400_000_000, -1_000_000, -1000, -1, 0, 0, 0, 1, 999, 1000, 500_000, 999_000, 999_999, 1_000_000]),
  digits: pick([0, 0, 3, 3, 6, 1]),
})
const cases: readonly Case[] = Array.from({ length: 400 }, () => {
  const start = around(pick([first, bound]))
  const end = around(bound)
  return draw(4) > 0 && end.us >= start.us ? { start, end } : { start }
})

const timesOf = ({ start, end }: Case): Partial<Observation> => {
  const moment = written(start.us, start.digits)
  return end === undefined
    ? { effectiveDateTime: moment }
    : { effectivePeriod: { start: moment, end: written(end.us, end.digits) } }
}

const readingOf = (one: Case, index: number): readonly Observation[] => {
  const { effectiveDateTime: _, ...untimed } = w.measured(`walk-${index}`, 'ann', steps)
  const reading = { ...untimed, ...timesOf(one) }
  switch (index % 4) {
    case 0:
      return [{ ...reading, component: [{ code: w.kind(heartRate), valueString: 'x' }] }]
    case 1:
      return [
        reading,
        w.measured(`of-${index}`, 'ann', steps, {
          effectiveDateTime: '2026-02-10',
          derivedFrom: [{ reference: `Observation/walk-${index}` }],
        }),
      ]
    case 2:
      return [
        {
          ...reading,
          contained: [{ resourceType: 'Observation', id: 'one', status: 'final', code: w.kind(steps) }],
          hasMember: [{ reference: '#one' }],
        },
      ]
    default:
      return [reading]
  }
}

await put(...cases.flatMap(readingOf))
const covered = cases.flatMap((one, index) =>
  isWithin(one) ? [`walk-${index}`, ...(index % 4 === 1 ? [`of-${index}`] : [])] : [],
)
const within = (query = '') => seen(`_count=1000&${query}`)
const rows = () =>
  database.any(sql.fragment`
    SELECT pk, effective_start, effective_end, is_joint, lasts_from, lasts_until FROM observation
    UNION ALL
    SELECT pk, effective_start, effective_end, is_joint, lasts_from, lasts_until FROM observation_code ORDER BY 1, 2`)
const before = await rows()

t.test('exactly what ends with the last moment that is shared, or earlier, is read', async t => {
  t.ok(covered.length > 50 && covered.length < 350, `${covered.length} of both`)
  t.strictSame(await within(), covered.toSorted())
  t.strictSame(await within('code=omh:step-count'), covered.toSorted())
})

t.test('the total of the last day is read, and a reading of the first moment of the next day is not', async t => {
  const total = { effectivePeriod: { start: '2026-02-28T00:00:00+05:45', end: '2026-03-01T00:00:00+05:45' } }
  const { effectiveDateTime: _, ...untimed } = w.measured('total', 'ann', steps)
  const next = w.measured('next', 'ann', steps, { effectiveDateTime: '2026-03-01T00:00:00+05:45' })
  const none = {
    ...untimed,
    id: 'none',
    effectivePeriod: { start: next.effectiveDateTime, end: next.effectiveDateTime },
  }
  await put({ ...untimed, ...total }, next, none as Observation)
  t.strictSame(
    (await within()).filter(id => !/\d/.test(id)),
    ['total'],
  )
  t.strictSame(
    await see(storeOf(w.patient('ann')), 'Observation', 'date=eb2026-02-28T18:15:00Z&_id=total'),
    [],
    'a search finds its end where it was',
  )
  for (const id of ['total', 'next', 'none']) await world.importer.write([{ kind: 'delete', type: 'Observation', id }])
})

t.test('of other types the same holds', async t => {
  const procedures = cases.map(({ start, end }, index): Resource => {
    const { effectiveDateTime, effectivePeriod } = timesOf({ start, ...(end && { end }) })
    return {
      resourceType: 'Procedure',
      id: `walk-${index}`,
      status: 'completed',
      subject: { reference: 'Patient/ann' },
      ...(effectivePeriod ? { performedPeriod: effectivePeriod } : { performedDateTime: effectiveDateTime }),
    } as Resource
  })
  await put(...procedures)
  t.strictSame(
    await see(storeOf(w.staff('researcher')), 'Procedure', '_count=1000'),
    cases.flatMap((one, index) => (isWithin(one) ? [`walk-${index}`] : [])).toSorted(),
  )
})

const forgetEnds = async () => {
  for (const table of ['observation', 'observation_code'])
    await database.run(sql.fragment`
      UPDATE ${sql.identifier([table])} SET lasts_until = NULL WHERE lasts_until < effective_end`)
}
const migrateAnew = async () => {
  await forgetEnds()
  const files = (await readdir('sql')).filter(file => /ends-of-periods/.test(file)).sort()
  for (const file of files) {
    const [change = ''] = (await readFile(`sql/${file}`, 'utf8')).split(/^-- The first moment after/m)
    for (const statement of change.split(/;$/m).filter(one => /UPDATE/.test(one)))
      await database.run(sql.fragment([statement] as unknown as TemplateStringsArray))
  }
}

t.test('what was here before is told the same by the migration, and by reindexing', async t => {
  await forgetEnds()
  t.ok((await within()).length < covered.length, 'they were not shared before')
  await migrateAnew()
  t.strictSame(await rows(), before)
  await world.deriveAnew()
  t.strictSame((await rows()).length, before.length)
  t.strictSame(await within(), covered.toSorted())
})

t.test('what has samples or others in it is not shared for more than it tells, until it is reindexed', async t => {
  const hour = { start: '2026-02-28T23:00:00+05:45', end: '2026-03-01T00:00:00+05:45' }
  const { effectiveDateTime: _, ...untimed } = w.measured('', 'ann', steps)
  const sampled = (data: string) => ({ origin: { value: 0 }, period: 600_000, dimensions: 1, data })
  const [six, seven] = [sampled('1 2 3 4 5 6'), sampled('1 2 3 4 5 6 7')]
  const ofHour = (id: string, more: Partial<Observation>): Observation => ({
    ...untimed,
    id,
    effectivePeriod: hour,
    ...more,
  })
  const at = (effectiveDateTime: string): Partial<Observation> => ({
    contained: [{ resourceType: 'Observation', id: 'one', status: 'final', code: w.kind(steps), effectiveDateTime }],
    hasMember: [{ reference: '#one' }],
  })
  await put(
    ofHour('samples-within', { valueSampledData: six }),
    ofHour('samples-beyond', { valueSampledData: seven }),
    ofHour('parts-beyond', { component: [{ code: w.kind(steps), valueSampledData: seven }] }),
    ofHour('others-within', at('2026-02-28T23:59:59+05:45')),
    ofHour('others-beyond', at(hour.end)),
  )
  const named = async () => (await within()).filter(id => !/\d/.test(id))
  t.strictSame(await named(), ['others-within', 'samples-within'])
  await migrateAnew()
  t.strictSame(await named(), [])
  await world.deriveAnew()
  t.strictSame(await named(), ['others-within', 'samples-within'])
})
