import type { Extension, Period, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions, systems } from '../../../src/fhir/canonical.ts'
import {
  type NewStaff,
  type StaffEntry,
  staffOf,
  staffProblems,
  withoutStaff,
  withStaff,
} from '../../../src/studies/definition/study-staff.ts'

const entry = (practitioner: string, role: string, period?: Period): Extension => ({
  url: extensions.staff,
  extension: [
    { url: 'practitioner', valueReference: { reference: `Practitioner/${practitioner}` } },
    { url: 'role', valueCodeableConcept: { coding: [{ system: systems.staffRole, code: role }] } },
    ...(period === undefined ? [] : [{ url: 'period', valuePeriod: period }]),
  ],
})
const other: Extension = { url: 'urn:other', valueString: 'x' }
const helen = entry('helen', 'investigator')
const yusuf = entry('yusuf', 'researcher', { start: '2026-01', end: '2099-03-31T12:00:00Z' })
const study: ResearchStudy = { resourceType: 'ResearchStudy', status: 'active', extension: [other, helen, yusuf] }
const entryOf = (practitioner: string, of = study): StaffEntry => {
  const found = staffOf(of).find(one => one.practitioner === practitioner)
  if (found === undefined) throw new Error(`${practitioner} is no staff`)
  return found
}

t.test('the staff of a study are those who are named as Practitioners, with their role and days', async t => {
  const nobody = { ...helen, extension: [{ url: 'practitioner', valueReference: { reference: 'Patient/ann' } }] }
  const alike = { ...helen, url: 'urn:other' }
  const bare = { ...helen, extension: helen.extension?.slice(0, 1) ?? [] }
  t.strictSame(staffOf({ ...study, extension: [other, alike, nobody, bare, yusuf] }), [
    { practitioner: 'helen', role: '', from: '', until: '', period: {}, isInForce: true, extension: bare },
    {
      practitioner: 'yusuf',
      role: 'researcher',
      from: '2026-01-01',
      until: '2099-03-31',
      period: { start: '2026-01', end: '2099-03-31T12:00:00Z' },
      isInForce: true,
      extension: yusuf,
    },
  ])
  t.strictSame(staffOf({ resourceType: 'ResearchStudy', status: 'active' }), [])
})

t.test('an entry is in force from the first moment of its period to the last', async t => {
  const today = new Date().toISOString().slice(0, 10)
  const dayAfter = (days: number) => new Date(Date.now() + days * 24 * 3_600_000).toISOString().slice(0, 10)
  const cases: readonly (readonly [Period, boolean])[] = [
    [{ start: dayAfter(-1) }, true],
    [{ end: dayAfter(1) }, true],
    [{ start: dayAfter(-1), end: dayAfter(1) }, true],
    [{ start: today.slice(0, 4), end: today.slice(0, 4) }, true],
    [{ start: dayAfter(2) }, false],
    [{ end: dayAfter(-2) }, false],
    [{ start: dayAfter(-3), end: dayAfter(-2) }, false],
  ]
  for (const [period, isInForce] of cases)
    t.equal(
      entryOf('ida', { ...study, extension: [entry('ida', 'researcher', period)] }).isInForce,
      isInForce,
      JSON.stringify(period),
    )
})

t.test('an entry is added, replaced or removed, and all else of the study stays', async t => {
  const ida = { practitioner: 'ida', role: 'coordinator', from: '2026-05-01', until: '' }
  const added = withStaff(study, ida)
  t.strictSame(added.extension, [other, helen, yusuf, entry('ida', 'coordinator', { start: '2026-05-01' })])
  const open = { practitioner: 'ida', role: 'coordinator', from: '', until: '' }
  t.strictSame(withStaff({ ...study, extension: [] }, open).extension, [entry('ida', 'coordinator')])
  t.strictSame(
    withStaff(study, ida, entryOf('helen')).extension?.map(
      one => staffOf({ ...study, extension: [one] })[0]?.practitioner,
    ),
    [undefined, 'ida', 'yusuf'],
  )
  t.strictSame(withoutStaff(study, entryOf('helen')).extension, [other, yusuf])
  const alone = { ...study, extension: [helen] }
  t.equal(withoutStaff(alone, entryOf('helen', alone)).extension, undefined)
})

t.test('an end of the period that is not changed stays the moment, or the month, that it was', async t => {
  const now = entryOf('yusuf')
  const periodWith = (said: Partial<NewStaff>) => entryOf('yusuf', withStaff(study, { ...now, ...said }, now)).period
  t.strictSame(periodWith({ role: 'coordinator' }), now.period)
  t.strictSame(periodWith({ from: '2026-02-01' }), { start: '2026-02-01', end: '2099-03-31T12:00:00Z' })
  t.strictSame(periodWith({ until: '2099-03-30' }), { start: '2026-01', end: '2099-03-30' })
  t.strictSame(periodWith({ until: '' }), { start: '2026-01' })
})

t.test('an entry needs a role, and days in their order', async t => {
  const right = { practitioner: 'ida', role: 'researcher', from: '2026-01-31', until: '2026-01-31' }
  const day = (which: string) => `Enter a ${which} day that exists, with its month as a word, such as 31 January 2026`
  const cases: readonly (readonly [Partial<NewStaff>, object])[] = [
    [{}, {}],
    [{ from: '', until: '' }, {}],
    [{ from: '', until: '2026-01-01' }, {}],
    [{ role: 'toString' }, { role: 'Choose a role' }],
    [{ from: '2026-02-30' }, { from: day('first') }],
    [{ until: 'soon' }, { until: day('last') }],
    [{ until: '2026-01-30' }, { until: 'The last day is before the first' }],
  ]
  for (const [said, problems] of cases) t.strictSame(staffProblems({ ...right, ...said }), problems)
})
