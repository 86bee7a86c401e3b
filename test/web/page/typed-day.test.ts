import t from 'tap'
import { wordsFor } from '../../../src/messages/catalogue.ts'
import { dateAsked, dateShown, dayAsked, dayIn, dayShown } from '../../../src/web/page/typed-day.ts'

t.test('a day is read as people write it, in words in either language, if it can be one day only', async t => {
  for (const text of [
    '31 January 2026',
    '31 de enero de 2026',
    '31 de enero del 2026',
    'Jan 31st, 2026',
    '31-Jan-2026',
    '31.ene.2026',
    '2026 January 31',
    'Saturday, 31 January 2026',
    'sáb 31 ene 2026',
    '31/1/2026',
    '1/31/2026',
    '2026-01-31',
    '20260131',
  ])
    t.equal(dayIn(text), '2026-01-31', text)
  t.equal(dayIn('3 de abril de 2026'), '2026-04-03')
  t.equal(dayIn('1.º de enero de 2027'), '2027-01-01')
  t.equal(dayIn('mar 3 mar 2026'), '2026-03-03', 'both martes and marzo')
  for (const text of ['3/4/2026', '31 2026', 'January 2026', '31 Ju 2026', '1 2 January 2026', 'tomorrow', ''])
    t.equal(dayIn(text), '', text)
})

t.test(
  'a field shows a day in the words of the page, which are read as that day, and anything else as it was typed',
  async t => {
    for (const [language, text] of [
      ['en', '31 January 2026'],
      ['es', '31 de enero de 2026'],
    ] as const) {
      t.equal(dayShown('2026-01-31', wordsFor(language)), text)
      t.equal(dayIn(text), '2026-01-31')
    }
    for (const text of ['2026-02-30', '3/4/2026', '']) t.equal(dayShown(text, wordsFor('es')), text)
  },
)

t.test('what is no day stays as it was typed', async t => {
  for (const text of ['31 February 2026', '2026.02.30', '3/4/2026', 'Friday 31 January 2026']) {
    t.equal(dayIn(text), '', text)
    t.equal(dayAsked(` ${text} `), text)
  }
})

t.test('a month or a year alone is a date as well, where the day may be unknown', async t => {
  for (const [language, text] of [
    ['en', 'January 2026'],
    ['es', 'enero de 2026'],
  ] as const) {
    t.equal(dateShown('2026-01', wordsFor(language)), text)
    t.equal(dateAsked(text), '2026-01')
  }
  t.equal(dateAsked('31 January 2026'), '2026-01-31')
  for (const text of ['2026', '2026-13', '31 January', 'soon', '']) {
    t.equal(dateAsked(` ${text} `), text)
    t.equal(dateShown(text, wordsFor('en')), text)
  }
})
