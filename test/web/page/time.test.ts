import t from 'tap'
import { wordsFor } from '../../../src/messages/catalogue.ts'
import { html } from '../../../src/web/page/html.ts'
import { dayOrMoment, moment, phrase } from '../../../src/web/page/time.ts'

const at = new Date('2026-03-01T23:30:15Z')

t.test('a moment is written in UTC, and says so, in an element that scripts can refine', async t => {
  t.equal(moment(at).text, '<time datetime="2026-03-01T23:30:15.000Z">1 March 2026 at 23:30 UTC</time>')
  t.match(
    moment(at, wordsFor('es')).text,
    /<time datetime="2026-03-01T23:30:15\.000Z">1 de marzo de 2026 a las 23:30 UTC</,
  )
})

const timeOf = (datetime: string, text: string) => `<time datetime="${datetime}">${text}</time>`

t.test('a calendar day stays that day', async t => {
  t.equal(
    html`${dayOrMoment('2026-03-01', wordsFor('es'))}`.text,
    '<time datetime="2026-03-01">1 de marzo de 2026</time>',
  )
  t.match(html`${dayOrMoment('2026-03-01T00:30:00+02:00', wordsFor('en'))}`.text, />28 February 2026 at 22:30 UTC</)
})

t.test('a leap second is shown as the next minute', async t => {
  t.match(html`${dayOrMoment('2016-12-31T23:59:60.5Z', wordsFor('en'))}`.text, />1 January 2017 at 00:00 UTC</)
})

t.test('a month or a year counts as its first day, or as its last if it is an end', async t => {
  const [first, last] = (['first', 'last'] as const).map(
    end => (text: string) => html`${dayOrMoment(text, wordsFor('en'), end)}`.text,
  )
  t.same(
    ['2026', '2026-02', '2026-02-03'].map(text => [first?.(text), last?.(text)]),
    [
      [timeOf('2026-01-01', '1 January 2026'), timeOf('2026-12-31', '31 December 2026')],
      [timeOf('2026-02-01', '1 February 2026'), timeOf('2026-02-28', '28 February 2026')],
      [timeOf('2026-02-03', '3 February 2026'), timeOf('2026-02-03', '3 February 2026')],
    ],
  )
})

t.test('the last day that FHIR can write, which often means no end, is shown as any other', async t => {
  for (const text of ['9999', '9999-12', '9999-12-31'])
    t.equal(html`${dayOrMoment(text, wordsFor('en'), 'last')}`.text, timeOf('9999-12-31', '31 December 9999'), text)
})

t.test(
  'a moment whose time zone leads out of the years that FHIR can write is shown as the nearest of these',
  async t => {
    for (const [text, shown] of [
      ['9999-12-31T23:59:59-12:00', />31 December 9999 at 23:59 UTC</],
      ['0001-01-01T00:00:00+14:00', />1 January 1 at 00:00 UTC</],
    ] as const)
      t.match(html`${dayOrMoment(text, wordsFor('en'))}`.text, shown, text)
  },
)

t.test('elements are placed in a sentence where its values are', async t => {
  t.equal(phrase(wordsFor('es'), 'preview.until', { until: html`<b>hoy</b>` }).text, 'hasta el <b>hoy</b>')
  t.equal(phrase(wordsFor('en'), 'sharing.to', { who: '<b>' }).text, 'To &lt;b&gt;')
})
