import t from 'tap'
import {
  addDays,
  beginningOfDay,
  dayOf,
  dayOfEach,
  daysBetween,
  isTimezone,
  momentIn,
  noonOf,
  startOfDay,
} from '../../src/fhir/timezone.ts'

t.test('a time zone is a name that IANA knows', t => {
  for (const name of ['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5'])
    t.ok(isTimezone(name), name)
  for (const name of ['', '+01:00', 'Europe/Atlantis', "UTC'", 'Europe/Berlin/', 'IST', 'SystemV/AST4'])
    t.notOk(isTimezone(name), name)
  t.end()
})

t.test('one clock is kept for a time zone, however its name is spelled', t => {
  const { DateTimeFormat } = Intl
  let made = 0
  t.teardown(() => Object.assign(Intl, { DateTimeFormat }))
  const counting = new Proxy(DateTimeFormat, {
    construct: (clock, options) => {
      made += 1
      return Reflect.construct(clock, options)
    },
  })
  Object.assign(Intl, { DateTimeFormat: counting })
  const spellings = ['Asia/Yekaterinburg', 'Asia/YEKATERINBURG', 'Asia/yekaterinburg', 'Asia/yeKaterinBurg']
  t.same(
    spellings.map(name => dayOf(Date.parse('2026-03-01T20:00:00Z'), name)),
    spellings.map(() => '2026-03-02'),
  )
  t.equal(made, 1)
  t.end()
})

t.test('a day begins at its own midnight, whether or not the clocks change on it', t => {
  for (const [day, timezone, start] of [
    ['2026-03-01', 'UTC', '2026-03-01T00:00:00.000Z'],
    ['2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00.000Z'],
    ['2026-03-30', 'Europe/Berlin', '2026-03-29T22:00:00.000Z'],
    ['2026-11-01', 'America/New_York', '2026-11-01T04:00:00.000Z'],
    ['2026-11-02', 'America/New_York', '2026-11-02T05:00:00.000Z'],
    ['2026-01-01', 'Pacific/Kiritimati', '2025-12-31T10:00:00.000Z'],
    ['2026-03-08', 'America/New_York', '2026-03-08T05:00:00.000Z'],
    ['2026-03-09', 'America/New_York', '2026-03-09T04:00:00.000Z'],
    ['2026-04-05', 'Pacific/Auckland', '2026-04-04T11:00:00.000Z'],
    ['2026-04-06', 'Pacific/Auckland', '2026-04-05T12:00:00.000Z'],
    ['2026-09-27', 'Pacific/Auckland', '2026-09-26T12:00:00.000Z'],
    ['2026-09-28', 'Pacific/Auckland', '2026-09-27T11:00:00.000Z'],
  ] as const) {
    const time = startOfDay(day, timezone)
    t.equal(new Date(time).toISOString(), start)
    t.equal(dayOf(time, timezone), day)
    t.equal(dayOf(time - 1, timezone), addDays(day, -1))
  }
  t.end()
})

t.test('if the clock skips midnight the day begins after the gap; if there are two midnights, at the first', t => {
  for (const [day, timezone, start] of [
    ['2026-09-06', 'America/Santiago', '2026-09-06T04:00:00.000Z'],
    ['2026-04-05', 'America/Santiago', '2026-04-05T04:00:00.000Z'],
    ['2026-03-08', 'America/Havana', '2026-03-08T05:00:00.000Z'],
    ['2026-11-01', 'America/Havana', '2026-11-01T04:00:00.000Z'],
    ['2026-03-29', 'Atlantic/Azores', '2026-03-29T01:00:00.000Z'],
    ['2026-03-29', 'Asia/Beirut', '2026-03-28T22:00:00.000Z'],
    ['2018-02-18', 'America/Sao_Paulo', '2018-02-18T03:00:00.000Z'],
  ] as const) {
    const time = startOfDay(day, timezone)
    t.equal(new Date(time).toISOString(), start, `${day} ${timezone}`)
    t.equal(dayOf(time, timezone), day)
    t.equal(dayOf(time - 1, timezone), addDays(day, -1))
  }
  t.equal(
    startOfDay('2011-12-30', 'Pacific/Apia'),
    startOfDay('2011-12-31', 'Pacific/Apia'),
    'a day that never existed',
  )
  t.end()
})

t.test('a day of the first century has the hours that its place had before there were time zones', t => {
  for (const [day, timezone, start] of [
    ['0001-01-02', 'UTC', '0001-01-02T00:00:00.000Z'],
    ['0026-03-01', 'Europe/Berlin', '0026-02-28T23:06:32.000Z'],
    ['0099-12-31', 'Pacific/Auckland', '0099-12-30T12:20:56.000Z'],
  ] as const) {
    const time = startOfDay(day, timezone)
    t.equal(new Date(time).toISOString(), start, `${day} ${timezone}`)
    t.equal(dayOf(time, timezone), day)
    t.equal(dayOf(time - 1, timezone), addDays(day, -1))
  }
  t.end()
})

t.test('the beginning of a day is told within the years that FHIR can write', t => {
  t.equal(beginningOfDay('2026-03-29', 'Europe/Berlin'), '2026-03-28T23:00:00.000Z')
  t.equal(beginningOfDay('0001-01-01', 'Pacific/Auckland'), '0001-01-01T00:00:00.000Z')
  t.equal(beginningOfDay(addDays('9999-12-31', 1), 'UTC'), '9999-12-31T23:59:59.999Z')
  t.equal(beginningOfDay(addDays('9999-12-31', 1), 'America/Los_Angeles'), '9999-12-31T23:59:59.999Z')
  t.end()
})

t.test('noon is at twelve o’clock in the time zone, on days on which clocks are changed, too', t => {
  for (const [day, timezone, noon] of [
    ['2026-03-05', 'UTC', '2026-03-05T12:00:00.000Z'],
    ['2026-03-05', 'Pacific/Kiritimati', '2026-03-04T22:00:00.000Z'],
    ['2026-03-05', 'Pacific/Pago_Pago', '2026-03-05T23:00:00.000Z'],
    ['2026-03-29', 'Europe/Berlin', '2026-03-29T10:00:00.000Z'],
    ['2026-10-25', 'Europe/Berlin', '2026-10-25T11:00:00.000Z'],
    ['2026-09-27', 'Pacific/Auckland', '2026-09-26T23:00:00.000Z'],
    ['2026-04-05', 'Pacific/Auckland', '2026-04-05T00:00:00.000Z'],
    ['2026-03-08', 'America/Los_Angeles', '2026-03-08T19:00:00.000Z'],
  ] as const)
    t.equal(new Date(noonOf(day, timezone)).toISOString(), noon, `${day} ${timezone}`)
  t.end()
})

t.test('a moment is written by the clock of the time zone, with its offset', t => {
  const told = (time: string, timezone: string) => momentIn(Date.parse(time), timezone)
  t.equal(told('2026-11-10T08:00:00Z', 'America/Los_Angeles'), '2026-11-10T00:00:00.000-08:00')
  t.equal(told('2026-11-10T10:59:59.999Z', 'Pacific/Auckland'), '2026-11-10T23:59:59.999+13:00')
  t.equal(told('2026-11-09T18:15:00Z', 'Asia/Kathmandu'), '2026-11-10T00:00:00.000+05:45')
  t.equal(told('2026-11-10T00:00:00Z', 'UTC'), '2026-11-10T00:00:00.000Z')
  t.equal(
    told('1970-01-01T00:44:30Z', 'Africa/Monrovia'),
    '1970-01-01T00:44:30.000Z',
    'an offset with seconds is none of FHIR',
  )
  t.end()
})

t.test('days are counted by the calendar', t => {
  t.equal(addDays('2026-02-28', 2), '2026-03-02')
  t.equal(daysBetween('2026-03-28', '2026-03-31'), 3)
  t.end()
})

t.test('the days of many moments are those of each, with few look-ups of the clock', t => {
  const { formatToParts } = Intl.DateTimeFormat.prototype
  let asked = 0
  t.teardown(() => Object.assign(Intl.DateTimeFormat.prototype, { formatToParts }))
  Object.assign(Intl.DateTimeFormat.prototype, {
    formatToParts(this: Intl.DateTimeFormat, time: number) {
      asked += 1
      return formatToParts.call(this, time)
    },
  })
  // Back over midnight, forward over midnight, a day that is skipped, and a change by half an hour.
  const changes = {
    'America/St_Johns': '2010-11-07',
    'America/Sao_Paulo': '2018-11-04',
    'Pacific/Apia': '2011-12-30',
    'Australia/Lord_Howe': '2026-04-05',
    UTC: '2026-03-01',
  }
  for (const [timezone, day] of Object.entries(changes)) {
    const from = Date.parse(`${day}T00:00:00Z`) - 7 * 86_400_000
    const moments = Array.from({ length: 2016 }, (_, step) => from + step * 600_000)
    const each = moments.map(moment => dayOf(moment, timezone))
    asked = 0
    t.strictSame(dayOfEach(moments, timezone), each, timezone)
    t.ok(asked < 250, `${asked} times in ${timezone}`)
    t.strictSame(dayOfEach(moments.toReversed(), timezone), each.toReversed(), timezone)
  }
  t.same(dayOfEach([], 'UTC'), [])
  t.end()
})
