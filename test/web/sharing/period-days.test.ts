import t from 'tap'
import { wordsFor } from '../../../src/messages/catalogue.ts'
import { boundOf, edgeAsked, edgeIn, edgeOfDay, edgeShown } from '../../../src/web/sharing/period-days.ts'

const hour = 3_600_000

t.test('a day lasts from its first to its last millisecond in its time zone', t => {
  for (const [day, timezone, start, end, hours] of [
    ['2026-11-10', 'UTC', '2026-11-10T00:00:00.000Z', '2026-11-10T23:59:59.999Z', 24],
    ['2026-11-10', 'America/Los_Angeles', '2026-11-10T00:00:00.000-08:00', '2026-11-10T23:59:59.999-08:00', 24],
    ['2026-11-10', 'Pacific/Auckland', '2026-11-10T00:00:00.000+13:00', '2026-11-10T23:59:59.999+13:00', 24],
    ['2026-03-08', 'America/New_York', '2026-03-08T00:00:00.000-05:00', '2026-03-08T23:59:59.999-04:00', 23],
    ['2026-11-01', 'America/New_York', '2026-11-01T00:00:00.000-04:00', '2026-11-01T23:59:59.999-05:00', 25],
    ['2026-09-27', 'Pacific/Auckland', '2026-09-27T00:00:00.000+12:00', '2026-09-27T23:59:59.999+13:00', 23],
    ['2026-04-05', 'Pacific/Auckland', '2026-04-05T00:00:00.000+13:00', '2026-04-05T23:59:59.999+12:00', 25],
    ['2026-09-06', 'America/Santiago', '2026-09-06T01:00:00.000-03:00', '2026-09-06T23:59:59.999-03:00', 23],
  ] as const) {
    t.equal(edgeOfDay(day, 'start', timezone), start)
    t.equal(edgeOfDay(day, 'end', timezone), end)
    t.equal(((boundOf(end, 'end') ?? 0) - (boundOf(start, 'start') ?? 0)) / hour, hours, `${day} ${timezone}`)
    t.equal(edgeIn(start, 'start', timezone), day, 'it is read back as that day')
    t.equal(edgeIn(end, 'end', timezone), day)
  }
  t.end()
})

t.test('what is not a day of these centuries is no day', t => {
  for (const text of [
    '',
    '2026-02-30',
    '2026-2-3',
    '2026-11',
    '0026-11-10',
    '9999-12-31',
    '2026-11-10T08:00:00Z',
    '1.1.2026',
  ])
    t.equal(edgeOfDay(text, 'end', 'Europe/Berlin'), undefined, text)
  t.end()
})

t.test('in other time zones, and for moments within a day, an edge is a day and a time', t => {
  t.equal(edgeIn('2026-11-10T00:00:00.000-08:00', 'start', 'America/New_York'), '2026-11-10 03:00')
  t.equal(edgeIn('2026-11-12T23:59:59.999-08:00', 'end', 'America/New_York'), '2026-11-13 03:00')
  t.equal(edgeIn('2026-11-26T17:41:02.123Z', 'start', 'Pacific/Auckland'), '2026-11-27 06:41')
  t.equal(edgeIn('2026-11-26T17:41:02.123Z', 'start', 'UTC'), '2026-11-26 17:41')
  t.end()
})

t.test('a date without a time is a day, a month or a year in UTC', t => {
  t.equal(edgeIn('2026-11-10', 'start', 'UTC'), '2026-11-10')
  t.equal(edgeIn('2026-11-10', 'end', 'UTC'), '2026-11-10')
  t.equal(edgeIn('2026-11', 'end', 'UTC'), '2026-11-30')
  t.equal(edgeIn('2026-11-10', 'start', 'Europe/Berlin'), '2026-11-10 01:00')
  t.equal(edgeIn('2026-11-10', 'end', 'Europe/Berlin'), '2026-11-11 01:00')
  t.end()
})

t.test('what is not a date, or as good as infinite, stays as it is written', t => {
  for (const text of ['', 'soon', '9999']) t.equal(edgeIn(text, 'end', 'Europe/Berlin'), text)
  t.equal(boundOf('9999-12-31', 'end'), undefined)
  t.end()
})

t.test('whatever a form shows of an edge is read from it again, however far that is from today', t => {
  for (const edge of ['start', 'end'] as const)
    for (const text of ['2026-11-10', '2026-11-26T17:41:02.123Z', '9999', '9999-12-31T23:59:59Z', '0001-01-01', 'soon'])
      for (const timezone of ['UTC', 'Asia/Kathmandu'])
        for (const language of ['en', 'es'] as const) {
          const shown = edgeIn(text, edge, timezone)
          t.equal(edgeAsked(edgeShown(shown, wordsFor(language))), shown, `${text} ${edge} ${timezone}`)
        }
  t.equal(edgeShown('2026-11-27 06:41', wordsFor('es')), '27 de noviembre de 2026 06:41')
  t.end()
})
