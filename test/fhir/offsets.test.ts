import t from 'tap'
import { offsetsBetween, startsOfDays } from '../../src/fhir/offsets.ts'
import { addDays, beginningOfDay, offsetMs } from '../../src/fhir/timezone.ts'

t.test('a period has the offsets of its clock, and when they change', t => {
  t.same(offsetsBetween('2026-03-01T00:00:00Z', '2026-11-30T00:00:00Z', 'Europe/Berlin'), [
    { since: '-infinity', seconds: 3600 },
    { since: '2026-03-29T01:00:00.000Z', seconds: 7200 },
    { since: '2026-10-25T01:00:00.000Z', seconds: 3600 },
  ])
  t.same(offsetsBetween('2026-04-05T00:00:00Z', '2026-04-06T00:00:00Z', 'Australia/Lord_Howe'), [
    { since: '-infinity', seconds: 39_600 },
    { since: '2026-04-04T15:00:00.000Z', seconds: 37_800 },
  ])
  t.same(offsetsBetween('0026-03-01T00:00:00Z', '0026-03-03T00:00:00Z', 'Asia/Kathmandu'), [
    { since: '-infinity', seconds: 20_476 },
  ])
  t.equal(offsetsBetween('2000-01-01T00:00:00Z', '2001-01-01T00:00:00Z', 'America/Boa_Vista').length, 4, 'a week apart')
  t.end()
})

t.test('a change on the last day of a period, or on the first, is one of it, however long it is', t => {
  for (let days = 0; days < 15; days += 1) {
    const [day, before, after] = ['2026-03-29', addDays('2026-03-29', -days), addDays('2026-03-29', days)]
    const changes = [
      { since: '-infinity', seconds: 3600 },
      { since: '2026-03-29T01:00:00.000Z', seconds: 7200 },
    ]
    t.same(offsetsBetween(`${before}T12:00:00.250Z`, `${day}T22:00:00Z`, 'Europe/Berlin'), changes, `${days} before`)
    t.same(offsetsBetween(`${day}T00:00:00Z`, `${after}T22:00:00Z`, 'Europe/Berlin'), changes, `${days} after`)
  }
  t.end()
})

t.test('each change is told to the second', t => {
  for (const timezone of [
    'Europe/Lisbon',
    'America/St_Johns',
    'Asia/Tehran',
    'Africa/Casablanca',
    'Antarctica/Troll',
  ]) {
    const [, ...changes] = offsetsBetween('1987-01-01T00:00:00Z', '2026-12-31T00:00:00Z', timezone)
    t.ok(changes.length > 20, timezone)
    for (const { since, seconds } of changes) {
      t.equal(offsetMs(Date.parse(since), timezone), seconds * 1000, `${timezone} since ${since}`)
      t.not(offsetMs(Date.parse(since) - 1000, timezone), seconds * 1000, `${timezone} before ${since}`)
    }
  }
  t.end()
})

t.test('a period of thousands of years has the changes of the century in which devices measure', t => {
  const offsets = offsetsBetween('0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z', 'America/New_York')
  t.match(
    offsets.find(({ since }) => since > '2026'),
    { since: '2026-03-08T07:00:00.000Z', seconds: -14_400 },
  )
  t.equal(offsets.length, 201)
  t.end()
})

t.test(
  'each day begins as it does by itself, also where clocks skip midnight or a whole day, or strike it twice',
  t => {
    for (const [timezone, year] of [
      ['UTC', '2026'],
      ['Europe/Berlin', '2026'],
      ['America/New_York', '2026'],
      ['Australia/Lord_Howe', '2026'],
      ['Africa/Casablanca', '2019'],
      ['Asia/Tehran', '2022'],
      ['Pacific/Apia', '2011'],
      ['America/Sao_Paulo', '2018'],
      ['America/Havana', '2026'],
      ['Asia/Beirut', '2026'],
      ['Atlantic/Azores', '2026'],
      ['Pacific/Kiritimati', '2026'],
      ['Etc/GMT+12', '2026'],
      ['Asia/Kathmandu', '1986'],
    ] as const) {
      const [first, last] = [`${year}-01-01`, `${year}-12-31`]
      const days = Array.from({ length: 365 }, (_, index) => addDays(first, index))
      const [from, to] = [beginningOfDay(first, timezone), beginningOfDay(addDays(last, 1), timezone)]
      t.same(
        startsOfDays(from, to, timezone),
        days.map(day => beginningOfDay(day, timezone)),
        timezone,
      )
    }
    t.end()
  },
)
