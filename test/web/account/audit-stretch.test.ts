import t from 'tap'
import { stretchesOf } from '../../../src/web/account/audit-stretch.ts'
import type { Deed, Visit } from '../../../src/web/account/audit-visit.ts'

const deed = (more: Partial<Deed> = {}): Deed => ({
  did: 'Looked for',
  whats: ['Heart rate'],
  study: 'Sleep',
  isRefused: false,
  ...more,
})

/** A visit this many minutes ago. */
const visit = (minutes: number, more: Partial<Visit> = {}): Visit => ({
  recorded: new Date(Date.UTC(2026, 2, 1) - minutes * 60_000),
  who: 'Helen Brandt',
  agents: 'Practitioner/1',
  app: 'Study desk',
  deeds: [deed()],
  consents: ['Consent/1/_history/1'],
  ...more,
})

/** How many minutes ago each visit was, stretch by stretch. */
const minutesOf = (visits: readonly Visit[]) =>
  stretchesOf(visits).map(({ visits }) =>
    visits.map(({ recorded }) => (Date.UTC(2026, 2, 1) - recorded.getTime()) / 60_000),
  )

t.test('what somebody did without a pause of more than an hour is one stretch, however long it is', async t => {
  t.same(minutesOf([0, 60, 120, 180, 241, 250].map(ago => visit(ago))), [
    [0, 60, 120, 180],
    [241, 250],
  ])
  t.same(minutesOf([]), [])
})

t.test('another person or another app has a separate stretch, placed by its latest visit', async t => {
  const jens = { who: 'Jens Aker' }
  const pages = { app: 'the pages of this server' }
  t.same(minutesOf([visit(0), visit(1, { agents: 'Practitioner/2' })]), [[0], [1]], 'even with the same name')
  t.same(
    minutesOf([visit(0), visit(1, jens), visit(2), visit(3, pages), visit(4, jens), visit(5, { who: undefined })]),
    [[0, 2], [1, 4], [3], [5]],
  )
})

t.test('a stretch lists everything that was done in it, each once, and refusals separately', async t => {
  const refused = deed({ isRefused: true })
  const [stretch] = stretchesOf([
    visit(0),
    visit(1, { deeds: [deed({ whats: ['Heart rate', 'Sleep'] }), refused], consents: ['Consent/1/_history/2'] }),
    visit(2, { deeds: [deed({ study: 'Steps' })] }),
  ])
  t.strictSame(stretch?.deeds, [deed({ whats: ['Heart rate', 'Sleep'] }), refused, deed({ study: 'Steps' })])
  t.strictSame(stretch?.consents, ['Consent/1/_history/1', 'Consent/1/_history/2'])
})
