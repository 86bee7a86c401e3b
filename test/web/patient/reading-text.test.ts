import t from 'tap'
import { wordsFor } from '../../../src/messages/catalogue.ts'
import { timeText, valueText } from '../../../src/web/patient/reading-text.ts'

t.test('a unit is written as the charts write it, however the device spelled the litre', async t => {
  const written = (unit: string) => valueText({ digits: '5' }, unit, undefined, wordsFor('en'))
  t.same(['mg/dl', 'mmol/l', 'mg/dL', 'ml', 'beats/min'].map(written), [
    '5 mg/dL',
    '5 mmol/L',
    '5 mg/dL',
    '5 ml',
    '5 beats/min',
  ])
})

t.test('a number has all digits that were sent, in the language of the reader, also behind its comparator', async t => {
  const written = (digits: string, comparator?: '<') =>
    valueText({ digits, ...(comparator && { comparator }) }, 'beats/min', undefined, wordsFor('es'))
  t.same(
    [
      written('0.0004'),
      written('0.0000001'),
      written('1.5e-7'),
      written('1.5E+3'),
      written('1e-200'),
      written('1e400'),
      written('60.50'),
      written('-5'),
      written('72.000000000000000001'),
      written('123456789012345678901234567890'),
      written('3.9', '<'),
    ],
    [
      '0,0004 latidos/min',
      '0,0000001 latidos/min',
      '0,00000015 latidos/min',
      '1500 latidos/min',
      '1e-200 latidos/min',
      '1e400 latidos/min',
      '60,50 latidos/min',
      '-5 latidos/min',
      '72,000000000000000001 latidos/min',
      '123456789012345678901234567890 latidos/min',
      '< 3,9 latidos/min',
    ],
  )
  t.equal(written(''), wordsFor('es').say('other.not-single'), 'a unit alone is not zero')
})

t.test('a length of an hour or more is written in hours and minutes', async t => {
  const written = ([digits, unit]: readonly [string, string]) => valueText({ digits }, unit, undefined, wordsFor('es'))
  t.same(
    (
      [
        ['455', 'min'],
        ['480.0', 'min'],
        ['7.75', 'h'],
        ['8.2', 'h'],
        ['455', 'minutes'],
        ['480.000000000000000001', 'min'],
        ['59', 'min'],
        ['455.5', 'min'],
        ['7.51', 'h'],
        ['90', '/min'],
        ['600000', 'min'],
      ] as const
    ).map(written),
    [
      '7 h 35 min',
      '8 h',
      '7 h 45 min',
      '8 h 12 min',
      '7 h 35 min',
      '480,000000000000000001 min',
      '59 min',
      '455,5 min',
      '7,51 h',
      '90 /min',
      '10000 h',
    ],
  )
})

t.test('a time is written as far as it is known, in words, by the clock of the reader', async t => {
  const clock = (language: string) => ({ timezone: 'Europe/Madrid', words: wordsFor(language) })
  const written = (start: string | undefined, end?: string) => timeText(start, end, clock('es'))
  t.same(
    [
      written('2026-03-04T23:30:00Z'),
      written('2026-03-04'),
      written('2026-03'),
      written('2026'),
      written('2026-03-04T08:00:00Z', '2026-03-04T09:00:00Z'),
      written(undefined),
      written(undefined, '2026-03-04T09:00:00Z'),
    ],
    [
      '5 de marzo de 2026 00:30',
      '4 de marzo de 2026',
      'marzo de 2026',
      '2026',
      '4 de marzo de 2026 09:00 – 10:00',
      '',
      'hasta: 4 de marzo de 2026 10:00',
    ],
  )
  const winter = { ...clock('en'), offset: true }
  t.equal(timeText('2026-03-04T08:00:00Z', undefined, winter), '4 March 2026 09:00 (+01:00)')
})

t.test('below the heading of a day that day is not said again, but every other is', async t => {
  const below = (start: string | undefined, end?: string) =>
    timeText(start, end, { timezone: 'Europe/Madrid', words: wordsFor('en'), under: '2026-03-04' })
  t.same(
    [
      below('2026-03-04T08:00:00Z'),
      below('2026-03-04T08:00:00Z', '2026-03-04T08:00:30Z'),
      below('2026-03-04T08:00:00Z', '2026-03-04T09:00:00Z'),
      below('2026-03-03T22:00:00Z', '2026-03-04T06:00:00Z'),
      below('2026-03-04T22:00:00Z', '2026-03-05T06:00:00Z'),
      below('2026-03-04'),
      below('2026-03-04', '2026-03-05'),
      below(undefined, '2026-03-04T09:00:00Z'),
    ],
    [
      '09:00',
      '09:00',
      '09:00 – 10:00',
      '3 March 2026 23:00 – 4 March 2026 07:00',
      '23:00 – 5 March 2026 07:00',
      '4 March 2026',
      '4 March 2026 – 5 March 2026',
      'until 10:00',
    ],
  )
})
