import t from 'tap'
import { startSession } from '../../../src/storage/account/session.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { openStudies } from '../../support/study.ts'

const { server, database, create, institution } = await openStudies()
t.teardown(() => server.close())
const lab = await institution('lab')

/** Somebody with the readings, in their own browser. */
const personWith = async (...readings: readonly object[]) => {
  const { id } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: 'Ann' }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  const { id: person } = await create('everything', {
    resourceType: 'Person',
    link: [{ target: { reference: `Patient/${id}` } }],
  })
  for (const reading of readings)
    await create('everything', {
      resourceType: 'Observation',
      status: 'final',
      subject: { reference: `Patient/${id}` },
      code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] },
      valueQuantity: { value: 80, unit: 'kg', system: 'http://unitsofmeasure.org', code: 'kg' },
      ...reading,
    })
  const browser = openBrowser(server)
  browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  return async (query = '') => {
    const shown = await browser.get(`/patients/${id}${query}`)
    const words = wordsOf(shown)
    return {
      words,
      days: /<summary>From <time datetime="(.*?)">.*? to <time datetime="(.*?)">/.exec(shown.body)?.slice(1),
      weights: [...words.matchAll(/(\d{1,2} [A-Z][a-z]+ \d{4}) \d+ [\d.]+ [\d.]+ [\d.]+/g)].map(([, day]) =>
        new Date(`${day} UTC`).toISOString().slice(0, 10),
      ),
      link: /<a href="([^"]+)">Show the newest<\/a>/.exec(shown.body)?.[1]?.replaceAll('&amp;', '&'),
    }
  }
}

const twoWeeks = ['2026-02-20', '2026-03-05']

t.test('the days up to the newest reading end with one that was measured at several times', async t => {
  const show = await personWith({ effectiveTiming: { event: ['2026-03-04T10:00:00Z', '2026-03-05T10:00:00Z'] } })
  const { days, weights } = await show()
  t.same(days, twoWeeks)
  t.same(weights, ['2026-03-04'])
})

t.test('a later reading that was entered in error or cancelled does not count', async t => {
  const show = await personWith(
    { effectiveDateTime: '2026-03-05T10:00:00Z' },
    { effectiveDateTime: '2026-08-05T10:00:00Z', status: 'entered-in-error' },
    { effectiveDateTime: '2026-09-05T10:00:00Z', status: 'cancelled' },
  )
  const { days, weights } = await show()
  t.same(days, twoWeeks)
  t.same(weights, ['2026-03-05'])
})

t.test('somebody whose readings were all entered in error is not told that none was sent', async t => {
  const show = await personWith({ effectiveDateTime: '2026-03-05T10:00:00Z', status: 'entered-in-error' })
  const { days, words } = await show()
  t.same(days, twoWeeks)
  t.match(words, 'From 20 February 2026 to 5 March 2026 there is nothing to be drawn.')
})

t.test('if the newest readings are of a kind that is in no chart, the days end with the newest that is', async t => {
  const height = {
    code: { coding: [{ system: 'http://loinc.org', code: '8302-2' }] },
    effectiveDateTime: '2026-08-05T10:00:00Z',
    valueQuantity: { value: 170, unit: 'cm', system: 'http://unitsofmeasure.org', code: 'cm' },
  }
  const show = await personWith({ effectiveDateTime: '2026-03-05' }, height)
  for (const query of ['', '?timezone=Pacific/Kiritimati', '?timezone=Pacific/Pago_Pago']) {
    const { days, weights } = await show(query)
    t.same(days, twoWeeks, query)
    t.same(weights, ['2026-03-05'], query)
  }
  const chosen = await show('?first=2026-08-01&last=2026-08-07')
  t.match(chosen.words, 'From 1 August 2026 to 7 August 2026 there is nothing to be drawn.')
  t.ok(chosen.link, 'a link leads to what is drawn')
  t.same((await show(new URL(chosen.link ?? '', 'http://here').search)).days, twoWeeks)
  const none = await (await personWith(height))()
  t.match(none.words, 'From 23 July 2026 to 5 August 2026 there is nothing to be drawn.')
  t.equal(none.link, undefined)
})

t.test('what is dated today is the newest, also where today began before it does in UTC', async t => {
  const { Date: Time } = globalThis
  const now = Time.parse('2026-03-05T21:00:00Z')
  const stopped = new Proxy(Time, {
    construct: (time, given) => Reflect.construct(time, given.length === 0 ? [now] : given),
    get: (time, name) => (name === 'now' ? () => now : Reflect.get(time, name)),
  })
  Object.assign(globalThis, { Date: stopped })
  t.teardown(() => Object.assign(globalThis, { Date: Time }))
  const timed = { effectiveDateTime: '2026-03-06T23:00:00Z' }
  const shows = [
    await personWith({ effectiveDateTime: '2026-03-05' }, { effectiveDateTime: '2026-03-06' }, timed),
    await personWith({ effectiveDateTime: '2026-03-05' }, timed),
  ]
  for (const [timezone, ...lasts] of [
    ['Australia/Sydney', '2026-03-06', '2026-03-05'],
    ['UTC', '2026-03-05', '2026-03-05'],
    ['America/Los_Angeles', '2026-03-05', '2026-03-05'],
  ] as const)
    for (const [index, last] of lasts.entries()) {
      const { days, weights } = (await shows[index]?.(`?timezone=${timezone}`)) ?? {}
      t.equal(days?.[1], last, timezone)
      t.equal(weights?.at(-1), last)
    }
})
