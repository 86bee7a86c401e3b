import t from 'tap'
import { wordsFor } from '../../../src/messages/catalogue.ts'
import { html } from '../../../src/web/page/html.ts'
import type { Edge } from '../../../src/web/sharing/period-days.ts'
import { edgeAsWritten, edgeText } from '../../../src/web/sharing/period-edge.ts'

const told = (text: string, edge: Edge, language = 'en') => html`${edgeText(text, edge, wordsFor(language))}`.text

t.test('a day is written with its offset, in an element that scripts can refine to the reader’s clock', t => {
  t.equal(
    told('2026-11-10T00:00:00.000-08:00', 'start'),
    '<time datetime="2026-11-10T08:00:00.000Z" data-edge="start">10 November 2026 (UTC-08:00)</time>',
  )
  t.equal(
    told('2026-11-12T23:59:59.999+13:00', 'end', 'es'),
    '<time datetime="2026-11-12T11:00:00.000Z" data-edge="end">12 de noviembre de 2026 (UTC+13:00)</time>',
  )
  t.end()
})

t.test('a date without a time is a day in UTC, and says so', t => {
  t.match(told('2026-11-10', 'start'), />10 November 2026 \(UTC\)</)
  t.match(told('2026-11-12', 'end'), /"2026-11-13T00:00:00\.000Z".*>12 November 2026 \(UTC\)</)
  t.match(told('2026-02', 'end'), />28 February 2026 \(UTC\)</)
  t.end()
})

t.test('a moment that does not begin a day is written in UTC', t => {
  t.match(told('2026-11-26T17:41:02.123Z', 'start'), />26 November 2026 at 17:41 UTC</)
  t.match(told('2026-11-26T18:00:00+01:00', 'start'), />26 November 2026 at 17:00 UTC</)
  t.equal(told('9999', 'end'), '9999')
  t.end()
})

t.test('for whoever compares it with paper, a day stays as it was written', t => {
  const written = (text: string, edge: Edge) => html`${edgeAsWritten(text, edge, wordsFor('en'))}`.text
  t.equal(
    written('2026-11-10T00:00:00.000-08:00', 'start'),
    '<time datetime="2026-11-10">10 November 2026</time> (UTC-08:00)',
  )
  t.equal(written('2026-11-12', 'end'), '<time datetime="2026-11-12">12 November 2026</time> (UTC)')
  const moment = '2026-11-26T17:41:02.123Z'
  t.equal(written(moment, 'start'), told(moment, 'start'), 'and a moment is one')
  t.equal(written('9999', 'end'), '9999')
  t.end()
})
