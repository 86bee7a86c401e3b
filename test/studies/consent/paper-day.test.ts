import t from 'tap'
import { type PaperBounds, reasonAgainstDay } from '../../../src/studies/consent/paper-day.ts'

const open: PaperBounds = { refusedAt: undefined, closed: undefined, text: undefined }
const reason = (bounds: Partial<PaperBounds>, signedOn: string, timezone = 'Europe/Madrid') =>
  reasonAgainstDay({ ...open, ...bounds }, { signedOn, timezone })

t.test('what was signed counts from the day after a refusal, as days are where it was signed', async t => {
  // In Madrid this is the third of May, in Honolulu the second.
  const refusedAt = new Date('2026-05-02T22:30:00Z')
  const refused = (day: string) =>
    `They have said no, ended it or left the study on ${day}: only what was signed on a later day counts`
  t.equal(reason({ refusedAt }, '2026-05-02'), refused('2026-05-03'))
  t.equal(reason({ refusedAt }, '2026-05-03'), refused('2026-05-03'), 'on that day nobody knows which came last')
  t.equal(reason({ refusedAt }, '2026-05-04'), undefined)
  t.equal(reason({ refusedAt }, '2026-05-02', 'Pacific/Honolulu'), refused('2026-05-02'))
  t.equal(reason({ refusedAt }, '2026-05-03', 'Pacific/Honolulu'), undefined)
})

t.test('in a study that takes nobody new, what was signed counts up to its last day', async t => {
  // Midnight in Madrid: the last day is the thirtieth there.
  const closed = { at: '2026-06-30T22:00:00Z', status: 'closed-to-accrual' }
  t.equal(reason({ closed }, '2026-06-30'), undefined)
  t.equal(
    reason({ closed }, '2026-07-01'),
    'Nobody new comes into the study since 2026-06-30: only what was signed on that day or before counts',
  )
  t.equal(reason({ closed: { ...closed, at: '-infinity' } }, '2026-07-01'), undefined, 'it has not begun yet')
})

t.test('what was signed before its text was there is another version, unless the day went on somewhere', async t => {
  const published = (at: string): Partial<PaperBounds> => ({
    text: { version: '2', attachment: {}, languages: [], digest: '', isCurrent: true, publishedAt: new Date(at) },
  })
  t.equal(reason(published('2026-05-02T11:59:59Z'), '2026-05-01'), undefined)
  t.equal(
    reason(published('2026-05-02T12:00:00Z'), '2026-05-01'),
    'Version 2 of the text is here since 2026-05-02: what was signed before is not this version',
  )
  t.equal(
    reason(published('2026-05-02T12:00:00Z'), '2026-05-01', 'Pacific/Kiritimati'),
    'Version 2 of the text is here since 2026-05-03: what was signed before is not this version',
    'as days are where it was signed',
  )
  t.equal(reason({}, '2026-05-01'), undefined, 'there is no text')
})
