import t from 'tap'
import { isSignedAfter, isSignedBefore } from '../../../../src/storage/model/consent/signing-time.ts'

t.test('a Consent may have been signed before a moment if its day had begun anywhere by then', async t => {
  for (const [dateTime, moment, isBefore] of [
    ['2026-03-05T08:00:00Z', '2026-03-05T08:00:01.000Z', true],
    ['2026-03-05T08:00:01Z', '2026-03-05T08:00:01.000Z', false],
    ['2026-03-05T01:00:00+14:00', '2026-03-04T12:00:00.000Z', true],
    ['2026-03-05', '2026-03-04T10:00:00.001Z', true],
    ['2026-03-05', '2026-03-04T10:00:00.000Z', false],
    ['2026-03', '2026-02-28T23:00:00.000Z', false],
    ['2026-03', '2026-03-01T00:00:00.001Z', true],
    ['2026-03-05', 'infinity', true],
    ['2026-03-05', '-infinity', false],
    [undefined, 'infinity', false],
    ['yesterday', 'infinity', false],
  ] as const)
    t.equal(isSignedBefore(dateTime, moment), isBefore, `${dateTime} before ${moment}`)
})

t.test('and after a moment if its day, month or year had begun everywhere only then', async t => {
  for (const [dateTime, moment, isAfter] of [
    ['2026-03-05T08:00:01Z', '2026-03-05T08:00:01.000Z', true],
    ['2026-03-05T08:00:00Z', '2026-03-05T08:00:01.000Z', false],
    ['2026-03-05', '2026-03-05T11:59:59.999Z', true],
    ['2026-03-05', '2026-03-05T12:00:00.000Z', false],
    ['2026-03', '2026-03-01T11:59:59.999Z', true],
    ['2026-03', '2026-03-01T12:00:00.000Z', false],
    ['2026', '2026-01-01T11:59:59.999Z', true],
    ['2026', '2026-01-01T12:00:00.000Z', false],
    [undefined, '2026-03-05T12:00:00.000Z', false],
    ['tomorrow', '2026-03-05T12:00:00.000Z', false],
  ] as const)
    t.equal(isSignedAfter(dateTime, moment), isAfter, `${dateTime} after ${moment}`)
})
