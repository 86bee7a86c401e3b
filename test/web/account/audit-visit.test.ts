import t from 'tap'
import { visitsOf } from '../../../src/web/account/audit-visit.ts'
import type { AuditLine } from '../../../src/web/audit/audit-line.ts'

const line = (seconds: number, request?: string): AuditLine => ({
  recorded: new Date(Date.UTC(2026, 2, 1) - seconds * 1000),
  who: 'Helen Brandt',
  isNamed: true,
  agents: 'Practitioner/1',
  app: 'Study desk',
  did: 'Read',
  whats: [],
  what: '',
  study: undefined,
  studies: [],
  consents: [],
  isRefused: false,
  hasFailed: false,
  about: [],
  patients: [],
  query: undefined,
  request,
})

/** How many seconds ago each visit was, for lines that are this many seconds old. */
const visitsAt = (ages: readonly number[], request?: string) =>
  visitsOf(ages.map(age => line(age, request))).map(
    ({ recorded }) => (Date.UTC(2026, 2, 1) - recorded.getTime()) / 1000,
  )

t.test('without a request id, what was done within a few seconds is one visit', async t => {
  t.same(visitsAt([0, 3, 8, 14, 15]), [0, 14])
})

t.test('after a pause it is another visit, even with the same request id', async t => {
  t.same(visitsAt([0, 3, 9, 15], 'ever'), [0, 9, 15])
})

t.test('a visit that goes on is shown again each minute', async t => {
  const ages = Array.from({ length: 60 }, (_, number) => number * 3)
  t.same(visitsAt(ages), [0, 63, 126])
  t.same(visitsAt(ages, 'ever'), [0, 63, 126])
})

t.test('another request is another visit', async t => {
  t.equal(visitsOf([line(0, 'one'), line(0, 'another')]).length, 2)
  t.equal(visitsOf([line(0), { ...line(0), agents: 'Practitioner/2' }]).length, 2, 'so is another person')
})
