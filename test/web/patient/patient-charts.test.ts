import type { Consent } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions } from '../../../src/fhir/canonical.ts'
import { isDay } from '../../../src/fhir/date.ts'
import { startSession } from '../../../src/storage/account/session.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { measurementsOf } from '../../support/measurements.ts'
import { openStudies } from '../../support/study.ts'

const world = await openStudies()
const { server, database, create, send } = world
t.teardown(() => server.close())
const lab = await world.institution('lab')
const kinds = ['omh:blood-glucose', 'omh:blood-pressure', 'omh:step-count', 'omh:sleep-duration']
const study = await world.study(lab.manager, lab.organization, 'glucose', kinds)
const ann = await world.participant(lab.manager, lab.organization, study.id, kinds, 'Ann')
const eve = await world.participant(lab.manager, lab.organization, study.id, kinds, 'Eve')
const { id: sensor } = await create('everything', {
  resourceType: 'Device',
  deviceName: [{ name: 'Patch <b>', type: 'user-friendly-name' }],
})
const midnight = Date.parse('2026-03-15T00:00:00Z')
const measurements = measurementsOf(ann, sensor, midnight)
const store = async (...resources: readonly object[]) => {
  const entry = resources.map(resource => ({ resource, request: { method: 'POST', url: 'Observation' } }))
  const answer = await send('everything', 'POST', '', { resourceType: 'Bundle', type: 'batch', entry })
  if (/"status":"[45]/.test(answer.body)) throw new Error(answer.body)
}
await store(...measurements)

const browserOf = async (person: string) => {
  const browser = openBrowser(server)
  browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  return browser
}
const account = await create('everything', {
  resourceType: 'Person',
  link: [{ target: { reference: `Patient/${ann}` } }],
})
const [staff, anns] = [await browserOf(study.researcher.person), await browserOf(account.id)]
const page = `/patients/${ann}`

type Numbers = (number | null)[]
type Drawn = {
  title: string
  lines?: { label: string; at: number[]; mean: Numbers; low: Numbers; high: Numbers }[]
  percentiles?: { name: string; values: Numbers }[]
}
const chartsIn = ({ body }: { body: string }): Drawn[] =>
  [...body.matchAll(/data-chart="([^"]*)"/g)].map(([, text = '']) =>
    JSON.parse(text.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>')),
  )
const titlesIn = (shown: { body: string }) => chartsIn(shown).map(({ title }) => title)

t.test('the page shows the two weeks up to the newest reading, of the kinds that are shared', async t => {
  const shown = await staff.get(page)
  t.equal(shown.status, 200)
  t.match(shown.body, 'name="first" type="text" autocomplete="off"')
  t.match(shown.body, 'value="1 March 2026"')
  t.match(shown.body, 'value="14 March 2026"')
  t.same(titlesIn(shown), ['The usual day', 'Glucose day by day', 'Blood pressure', 'Steps', 'Sleep'])
  t.same(titlesIn(await anns.get(page)), [
    'The usual day',
    'Glucose day by day',
    'Blood pressure',
    'Heart rate',
    'Steps',
    'Sleep',
    'Weight',
  ])
})

t.test('it says that it shows what is shared, in the same words whether or not anything is withheld', async t => {
  const said = /You see what the patient shares with you at this moment[^<]*/
  await store(
    ...measurementsOf(eve, sensor, midnight).filter(({ code }) => code.coding?.[0]?.code === 'omh:step-count'),
  )
  const [withheld] = said.exec((await staff.get(page)).body) ?? []
  t.ok(withheld)
  t.equal(said.exec((await staff.get(`/patients/${eve}`)).body)?.[0], withheld)
  t.match((await anns.get(page)).body, 'You see all that your devices and apps have sent.')
})

t.test('the patient reads it in the language of their browser, and staff in that of all their pages', async t => {
  const spanish = openBrowser(server, { headers: { 'accept-language': 'es' } })
  for (const [name, value] of anns.cookies) spanish.cookies.set(name, value)
  const shown = await spanish.get(page)
  t.match(shown.body, '<html lang="es">')
  const words = wordsOf(shown)
  t.match(words, /Fecha de nacimiento .* Mediciones Ve todo lo que han enviado sus aparatos y aplicaciones\./)
  t.match(words, /Umbrales: en rango de 70 a 180 mg\/dL\. Glucosa día a día como tabla/)
  t.match(words, /Perfil ambulatorio de glucosa .* Tiempo en rangos .* Muy alto .* El día habitual/)
  t.notMatch(words, /\b(Glucose|Readings|Mean|Show|Steps|Sleep|Measured|Day)\b/)
  for (const [name, value] of staff.cookies) spanish.cookies.set(name, value)
  t.match(await spanish.get(page), { body: '<html lang="en">' })
})

t.test(
  'whoever looks is told how old the newest reading is, and patients what to do if they expect newer ones',
  async t => {
    const [shown, own] = [wordsOf(await staff.get(page)), wordsOf(await anns.get(page))]
    t.match(shown, /Newest reading: 14 March 2026\. Earlier/)
    t.match(
      own,
      /Newest reading: 14 March 2026\. If you have measured since, open the app of your device and let it send\. Earlier/,
    )
    const eves = await browserOf(
      (await create('everything', { resourceType: 'Person', link: [{ target: { reference: `Patient/${eve}` } }] })).id,
    )
    await store({
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] },
      subject: { reference: `Patient/${eve}` },
      effectiveDateTime: new Date(Date.now() - 86_400_000).toISOString(),
      valueQuantity: { value: 71, system: 'http://unitsofmeasure.org', code: 'kg' },
    })
    t.match(wordsOf(await eves.get(`/patients/${eve}`)), /Newest reading: \d+ \w+ \d{4}\. Earlier/, 'not if it is new')
  },
)

t.test(
  'for each chart it says when the newest reading was measured, and by what, whichever days are shown',
  async t => {
    const listIn = ({ body }: { body: string }) =>
      [...body.matchAll(/<li><a href="([^"]*)">([^<]*)<\/a> <span class="d-block[^>]*>(.*?)<\/span><\/li>/g)].map(
        ([, to = '', title, said = '']) => [to.replaceAll('&amp;', '&'), title, wordsOf({ body: said })],
      )
    const newest = [
      ['Glucose day by day', '14 March 2026 at 23:45 UTC, Patch &lt;b&gt;.'],
      ['Blood pressure', '14 March 2026 at 21:00 UTC, source not known.'],
      ['Steps', '14 March 2026 at 23:00 UTC, source not known.'],
      ['Sleep', '14 March 2026 at 06:30 UTC, source not known.'],
    ]
    const shown = await staff.get(page)
    t.same(
      listIn(shown),
      newest.map((one, at) => [['#chart-0', '#chart-1', '#chart-6', '#chart-7'][at], ...one]),
      'and only of what is shared with the reader',
    )
    const drawing = `${page}?first=2026-03-01&last=2026-03-14&timezone=UTC&glucose=mg%2FdL`
    t.same(
      listIn(await staff.get(`${page}?first=2025-01-01&last=2025-01-02&timezone=UTC`)),
      newest.map(([title, said]) => [drawing, title, `${said} None in the days that are shown.`]),
      'it leads to days with readings if those that are shown have none',
    )
    for (const [to = ''] of listIn(shown)) t.match(shown.body, `<figure class="chart mb-5" id="${to.slice(1)}"`)
  },
)

t.test('patients are told whom to ask if something in their record, or a reading, is wrong', async t => {
  const [own, shown] = [wordsOf(await anns.get(page)), wordsOf(await staff.get(page))]
  const [record, reading] = [
    /lab keeps this record\. If your name or birth date is wrong here, or has changed, ask there to put it right\. Measurements/,
    /Is a reading wrong, or not yours\? You can mark it, and it is in no chart any more\. See your readings one by one/,
  ]
  t.match(own, record)
  t.match(own, reading)
  t.notMatch(shown, /keeps this record/)
  t.notMatch(shown, reading)
})

t.test('lines show the readings of each source, with gaps where there are none for long', async t => {
  const [, glucose] = chartsIn(await staff.get(page))
  t.same(
    glucose?.lines?.map(({ label }) => label),
    ['Patch <b>'],
  )
  const expected = measurements.flatMap(({ code, valueQuantity }) =>
    code.coding?.[0]?.code === '99504-3' ? [valueQuantity?.value] : [],
  )
  const [line] = glucose?.lines ?? []
  t.same(
    line?.mean.filter(value => value !== null),
    expected,
  )
  t.equal(line?.mean.filter(value => value === null).length, 1, 'the day without the sensor')
})

t.test('the name of a device turns round no number beside it in a chart', async t => {
  const { id } = await create('everything', {
    resourceType: 'Device',
    deviceName: [{ name: 'Patch \u202ez \u2067\u05d0', type: 'user-friendly-name' }],
  })
  const [first, second] = measurementsOf(ann, id, midnight - 86_400_000 * 400)
  await store(...[first, second].flatMap(one => one ?? []))
  const drawn = chartsIn(await anns.get(`${page}?first=2025-01-20&last=2025-02-10`))
  t.strictSame(
    drawn.flatMap(({ lines = [] }) => lines.map(({ label }) => label)),
    ['\u2068Patch z \u05d0\u2069'],
  )
})

t.test('tables have the same numbers, day by day in the chosen time zone', async t => {
  const row = async (timezone: string) => {
    const { body } = await staff.get(`${page}?first=2026-03-03&last=2026-03-03&timezone=${timezone}`)
    const [, table = ''] = /<caption>Steps,[^<]*<\/caption>([\s\S]*?)<\/table>/.exec(body) ?? []
    return wordsOf({ body: table })
  }
  const totalOf = (from: string, to: string) =>
    measurements
      .filter(({ code }) => code.coding?.[0]?.code === 'omh:step-count')
      .filter(({ effectiveDateTime: at = '' }) => at >= from && at < to)
      .reduce((sum, { valueQuantity }) => sum + (valueQuantity?.value ?? 0), 0)
  t.equal(await row('UTC'), `Day Readings Total 3 March 2026 24 ${totalOf('2026-03-03', '2026-03-04')}`)
  t.equal(await row('Asia/Tokyo'), `Day Readings Total 3 March 2026 24 ${totalOf('2026-03-02T15', '2026-03-03T15')}`)
})

t.test('the value of a point equals that of the table, and is not rounded twice', async t => {
  const code = { coding: [{ system: 'http://loinc.org', code: '99504-3' }] }
  const valueQuantity = { value: 79.46, system: 'http://unitsofmeasure.org', code: 'mg/dL' }
  const subject = { reference: `Patient/${ann}` }
  await store({
    resourceType: 'Observation',
    status: 'final',
    code,
    subject,
    effectiveDateTime: '2026-02-03T10:00:00Z',
    valueQuantity,
  })
  const shown = await staff.get(`${page}?first=2026-02-03&last=2026-02-03`)
  const [day, glucose] = chartsIn(shown)
  const told = (value: number | null | undefined) => value?.toLocaleString('en', { maximumFractionDigits: 0 })
  const [line] = glucose?.lines ?? []
  t.same(
    [line?.mean, line?.low, line?.high].map(numbers => told(numbers?.[0])),
    ['79', '79', '79'],
  )
  t.equal(told(day?.percentiles?.[2]?.values[40]), '79')
  t.match(wordsOf(shown), /3 February 2026 1 79 79 79/)
})

t.test('a night counts for the day on which it ends', async t => {
  const { body } = await staff.get(`${page}?first=2026-03-01&last=2026-03-01`)
  const [, table = ''] = /<caption>Sleep,[^<]*<\/caption>([\s\S]*?)<\/table>/.exec(body) ?? []
  t.equal(wordsOf({ body: table }), 'Day Readings Total 1 March 2026 1 6.5')
})

t.test('glucose is shown in the chosen unit', async t => {
  const [milligrams, millimoles] = [await staff.get(page), await staff.get(`${page}?glucose=mmol/L`)]
  const values = measurements.flatMap(({ code, valueQuantity }) =>
    code.coding?.[0]?.code === '99504-3' ? [valueQuantity?.value ?? 0] : [],
  )
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const gmi = (3.31 + 0.02392 * mean).toFixed(1)
  t.match(
    milligrams.body,
    / % with very high, target <bdi>&lt; 25 %<\/bdi><\/span><\/td>/,
    'the sign is not turned round by words that are written from right to left',
  )
  t.match(wordsOf(milligrams), `Mean ${mean.toFixed(0)} mg/dL Glucose management indicator (GMI) ${gmi} %`)
  t.match(wordsOf(millimoles), `Mean ${(mean / 18.016).toFixed(1)} mmol/L Glucose management indicator (GMI) ${gmi} %`)
})

t.test('of two glucose sensors at once the page says that the figures are made of both', async t => {
  const { id } = await create('everything', {
    resourceType: 'Device',
    deviceName: [{ name: 'Second patch', type: 'user-friendly-name' }],
  })
  const at = (device: string) =>
    measurementsOf(ann, device, midnight - 86_400_000 * 500).filter(({ code }) => code.coding?.[0]?.code === '99504-3')
  const shown = async () => wordsOf(await anns.get(`${page}?first=2024-10-17&last=2024-10-17`))
  const ofDay = at(sensor).filter(({ effectiveDateTime }) => effectiveDateTime?.startsWith('2024-10-17'))
  await store(...ofDay)
  t.notMatch(await shown(), /They come from several sources/)
  const [one] = at(id).filter(({ effectiveDateTime }) => effectiveDateTime?.startsWith('2024-10-17'))
  await store({ ...one })
  t.match(
    await shown(),
    /From readings in interstitial fluid\. They come from several sources: (Patch &lt;b&gt; and Second patch|Second patch and Patch &lt;b&gt;)\. The figures are made of all of them together, and whichever measures more often counts for more\./,
  )
})

t.test('a name that is written from right to left turns nothing round in the list of devices', async t => {
  for (const name of ['جهاز 3', 'Cuff 4']) {
    const { id } = await create('everything', { resourceType: 'Device', deviceName: [{ name, type: 'model-name' }] })
    const [one] = measurementsOf(ann, id, midnight).filter(({ code }) => code.coding?.[0]?.code === '99504-3')
    await store({ ...one, effectiveDateTime: '2023-11-05T08:00:00Z' })
  }
  const shown = await anns.get(`${page}?first=2023-11-05&last=2023-11-05`)
  t.match(shown.body, /(?:\u2068جهاز 3\u2069; Cuff 4|Cuff 4; \u2068جهاز 3\u2069)/)
})

t.test('more devices than fit into a sentence are counted, and named when asked for', async t => {
  const names = [1, 2, 3, 4, 5, 6, 7].map(number => `Patch no. ${number}`)
  for (const [hour, name] of names.entries()) {
    const { id } = await create('everything', { resourceType: 'Device', deviceName: [{ name, type: 'model-name' }] })
    const [one] = measurementsOf(ann, id, midnight).filter(({ code }) => code.coding?.[0]?.code === '99504-3')
    await store({ ...one, effectiveDateTime: `2023-12-05T0${hour}:00:00Z` })
  }
  const shown = await anns.get(`${page}?first=2023-12-05&last=2023-12-05`)
  const [, listed = ''] =
    /<details><summary>Measured by 7 devices or apps<\/summary>\s*<ul>([\s\S]*?)<\/ul>/.exec(shown.body) ?? []
  t.strictSame([...listed.matchAll(/<li>([^<]*)<\/li>/g)].map(([, name]) => name).toSorted(), names)
  t.notMatch(wordsOf(shown), /Measured: Patch/)
  t.match(
    wordsOf(shown),
    /They come from several sources: 7 devices or apps, which the chart below names\. The figures/,
  )
})

t.test('two sensors of one name are told apart, by the same number wherever both are listed', async t => {
  const patches = await Promise.all(
    [1, 2].map(() =>
      create('everything', { resourceType: 'Device', deviceName: [{ name: 'Twin patch', type: 'model-name' }] }),
    ),
  )
  const of = (device: string) =>
    measurementsOf(ann, device, midnight - 86_400_000 * 700).filter(
      ({ code, effectiveDateTime }) =>
        code.coding?.[0]?.code === '99504-3' && effectiveDateTime?.startsWith('2024-04-01'),
    )
  await store(...patches.flatMap(({ id }) => of(id)))
  const shown = wordsOf(await anns.get(`${page}?first=2024-04-01&last=2024-04-01`))
  for (const listed of [/Measured: ([^.]*)\./, /They come from several sources: ([^.]*)\./]) {
    const names = listed.exec(shown)?.[1]?.split(/; | and /) ?? []
    t.strictSame(names.toSorted(), ['Twin patch (1)', 'Twin patch (2)'])
  }
})

t.test('readings of a single day are described as those of one day', async t => {
  t.match(wordsOf(await staff.get(`${page}?first=2026-03-02&last=2026-03-02`)), /Readings \d+ on 1 day(?!s)/)
  t.match(wordsOf(await staff.get(`${page}?first=2026-03-02&last=2026-03-03`)), /Readings \d+ on 2 days/)
})

t.test(
  'days are read as on the other pages of patients: with blanks around them, other marks, and any digits',
  async t => {
    for (const [first, last] of [
      [' 2026-03-02 ', '\t2026-03-03'],
      ['2026/3/2', '２０２６0303'],
      [' ', '03.15.2026'],
    ] as const)
      t.match(
        wordsOf(await staff.get(`${page}?${new URLSearchParams({ first, last })}`)),
        last === '03.15.2026' ? 'From 2 March 2026 to 15 March 2026 (UTC)' : 'From 2 March 2026 to 3 March 2026 (UTC)',
      )
  },
)

const inWords = (text: string): string =>
  isDay(text) ? new Date(text).toLocaleDateString('en-GB', { dateStyle: 'long', timeZone: 'UTC' }) : text

t.test('days that cannot be shown are reported at the field, and the usual ones are shown', async t => {
  for (const [query, said] of [
    ['first=March', 'Enter a day that exists, with its month as a word, such as 31 March 2026.'],
    ['first=2026-02-30&last=2026-03-02', 'Enter a day that exists, with its month as a word, such as 31 March 2026.'],
    ['last=9999-12-31', 'id="last-problem">Days from 1900 to 2099 can be shown.'],
    ['first=1899-12-31&last=1900-01-01', 'id="first-problem">Days from 1900 to 2099 can be shown.'],
    ['first=2026-03-02&last=2026-03-01', 'The last day is before the first.'],
    ['first=2020-01-01&last=2026-03-01', 'At most 366 days are shown at once.'],
  ] as const) {
    const shown = await staff.get(`${page}?${query}`)
    t.match(shown, { status: 200 }, query)
    t.match(shown.body, said)
    t.match(wordsOf(shown), / 14 March 2026 /)
    for (const typed of new URLSearchParams(query).values())
      t.match(shown.body, `value="${inWords(typed)}"`, 'it is kept')
  }
  const wrongDay = await staff.get(`${page}?first=2026-03-01&last=03/04/2026`)
  t.match(wrongDay.body, /<title>Problem: .*<a href="#last">Enter a day that exists/s)
  t.match(wrongDay.body, /id="last-problem">Enter a day that exists, with its month as a word, such as 31 March 2026/)
  t.notMatch(wrongDay.body, 'id="first-problem"', 'the other day is right')
  t.match(wordsOf(wrongDay), 'From 1 March 2026 to 14 March 2026 (UTC), glucose in mg/dL: choose others')
  t.match(wrongDay.body, '<details class="mb-3" open><summary>')
  t.match((await staff.get(page)).body, '<details class="mb-3"><summary>')
  const neither = wordsOf(await staff.get(`${page}?first=March&last=April`))
  t.match(
    neither,
    /First day: Enter a day that exists, with its month as a word, such as 31 March 2026\. Last day: Enter a day that exists, with its month as a word, such as 31 March 2026\./,
  )
  const nowhere = await staff.get(`${page}?timezone=Europe/Berln`)
  t.match(nowhere.body, /id="timezone-problem">This time zone is not known here/)
  t.match(nowhere.body, 'value="Europe/Berln"')
  t.match(
    wordsOf(await staff.get(`${page}?first=2025-01-01&last=2025-01-02`)),
    'From 1 January 2025 to 2 January 2025 there is nothing to be drawn.',
  )
})

t.test(
  'if nothing is drawn one link leads to the newest reading, and without any reading no other days are offered',
  async t => {
    const others = await staff.get(`${page}?first=2025-01-01&last=2025-01-02&timezone=Asia/Tokyo&glucose=mmol/L`)
    const [, newest = ''] = /<a href="([^"]+)">Show the newest<\/a>/.exec(others.body) ?? []
    t.equal(newest, `${page}?timezone=Asia%2FTokyo&amp;glucose=mmol%2FL`)
    t.match(titlesIn(await staff.get(newest.replace('&amp;', '&'))), ['The usual day', 'Glucose day by day'])
    const never = await world.participant(lab.manager, lab.organization, study.id, kinds, 'Never')
    const { id: person } = await create('everything', {
      resourceType: 'Person',
      link: [{ target: { reference: `Patient/${never}` } }],
    })
    for (const [browser, said] of [
      [
        staff,
        'You see no measurement of this patient: none was sent, or none is shared with you. Readings come once a patient has connected an app that sends them',
      ],
      [
        await browserOf(person),
        'Nothing was sent yet. It is here as soon as one of your apps or devices sends it. The app of a device must first be connected',
      ],
    ] as const) {
      const shown = wordsOf(await browser.get(`/patients/${never}`))
      t.match(shown, said)
      t.notMatch(shown, /nothing to be drawn|Show the newest|drawn by JavaScript/)
      t.equal(shown.includes('Connect or disconnect apps'), browser !== staff, 'only the patient can do something')
    }
  },
)

t.test('the scripts for the charts come from here, and the page allows nothing else', async t => {
  const policy = String((await staff.get(page)).headers['content-security-policy'])
  t.match(policy, "script-src 'self';")
  t.match(policy, "style-src 'self';")
  const { body } = await staff.get(page)
  const scripts = [...body.matchAll(/<script [^>]*src="([^"]+)"/g)].map(([, src]) => src)
  t.same(
    scripts.slice(-3),
    ['/static/chart-language.js', '/static/uplot/uPlot.iife.min.js', '/static/chart.js'],
    'in the order in which they need each other',
  )
  for (const [file, status] of [
    ['uPlot.iife.min.js', 200],
    ['uPlot.min.css', 200],
    ['uPlot.cjs.js', 404],
    ['../package.json', 404],
  ] as const)
    t.equal((await staff.get(`/static/uplot/${file}`)).status, status, file)
})

t.test('a kind that is withdrawn disappears from all pages', async t => {
  const token = await world.patientToken(ann, 'patient/Consent.cruds')
  const [entry] = await world.pages(token, `Consent?patient=${ann}`)
  const consent = entry?.resource as Consent
  const provision = consent.provision?.provision?.filter(
    ({ code }) => code?.[0]?.coding?.[0]?.code !== 'omh:blood-glucose',
  )
  t.match(titlesIn(await staff.get(page)), ['The usual day', 'Glucose day by day'])
  await world.update(token, { ...consent, provision: { ...consent.provision, provision: provision ?? [] } })
  const shown = await staff.get(page)
  t.same(titlesIn(shown), ['Blood pressure', 'Steps', 'Sleep'])
  t.notMatch(wordsOf(shown), /Ambulatory|Patch|GMI/)
})

t.test('days on which no reading has a number still show that there was something', async t => {
  const below = (patient: string) => ({
    resourceType: 'Observation',
    status: 'final',
    subject: { reference: `Patient/${patient}` },
    code: { coding: [{ system: 'http://loinc.org', code: '99504-3' }] },
    effectiveDateTime: '2025-06-01T08:00:00Z',
    valueQuantity: { comparator: '<', value: 40, unit: 'mg/dL', system: 'http://unitsofmeasure.org', code: 'mg/dL' },
  })
  await store(below(ann), below(eve))
  for (const [browser, patient] of [
    [anns, ann],
    [staff, eve],
  ] as const) {
    const shown = wordsOf(await browser.get(`/patients/${patient}?first=2025-06-01&last=2025-06-01`))
    t.match(
      shown,
      /Glucose day by day mg\/dL Without a number in this unit, with one that cannot be, or measured more often than once a second, and so in no chart: 1\./,
    )
    t.notMatch(shown, /nothing to be drawn/)
  }
})

const tableOf = ({ body }: { body: string }, title: string) => {
  const [, table = ''] = new RegExp(`<caption>${title},[^<]*</caption>([\\s\\S]*?)</table>`).exec(body) ?? []
  return wordsOf({ body: table })
}

t.test('the mean of a day counts averages that are drawn', async t => {
  const average = {
    resourceType: 'Observation',
    status: 'final',
    subject: { reference: `Patient/${ann}` },
    extension: [
      {
        url: extensions.descriptiveStatistic,
        extension: [{ url: 'statistic', valueCodeableConcept: { text: 'average' } }],
      },
    ],
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    effectiveDateTime: '2025-06-02T08:00:00Z',
    valueQuantity: { value: 64, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
  }
  await store(average)
  const shown = await anns.get(`${page}?first=2025-06-02&last=2025-06-02`)
  t.equal(tableOf(shown, 'Heart rate'), 'Day Readings Mean Lowest Highest 2 June 2025 1 64 64 64')
})

t.test('a total of 24 hours is drawn with the steps, and is not added to the hours of the same day', async t => {
  const steps = (code: string, effective: object, value: number) => ({
    resourceType: 'Observation',
    status: 'final',
    subject: { reference: `Patient/${ann}` },
    code: { coding: [{ system: 'http://loinc.org', code }] },
    ...effective,
    valueQuantity: { value, unit: 'steps', system: 'http://unitsofmeasure.org', code: '{steps}' },
  })
  await store(
    steps('41950-7', { effectiveDateTime: '2025-06-03' }, 8000),
    steps('55423-8', { effectivePeriod: { start: '2025-06-03T14:00:00Z', end: '2025-06-03T15:00:00Z' } }, 900),
  )
  for (const timezone of ['UTC', 'America/Los_Angeles']) {
    const shown = await anns.get(`${page}?first=2025-06-02&last=2025-06-04&timezone=${timezone}`)
    t.equal(tableOf(shown, 'Steps'), 'Day Readings Total 3 June 2025 2 8000', timezone)
  }
})

t.test('figures have the decimal sign of the language, in drawn charts, too', async t => {
  const spanish = openBrowser(server, { headers: { 'accept-language': 'es' } })
  for (const [name, value] of anns.cookies) spanish.cookies.set(name, value)
  const shown = wordsOf(await spanish.get(`${page}?first=2026-03-01&last=2026-03-14&timezone=UTC&glucose=mmol/L`))
  t.match(
    shown,
    /Media \d,\d mmol\/L Indicador de gestión de la glucosa \(GMI\) \d,\d % Coeficiente de variación \(CV\) \d+,\d % objetivo ≤ 36 % Tiempo con mediciones 92,9 % objetivo ≥ 70 %/,
  )
  t.match(shown, /en rango de 3,9 a 10 mmol\/L/)
  t.match(shown, /En rango 3,9–10,0 \d+,\d % /)
  t.match(shown, /1 de marzo de 2026 1 6,5 2 de marzo de 2026/)
  t.notMatch(shown, /\d\.\d/)
})

t.test('implausible values are pointed out, and the figures say that they include them', async t => {
  const glucose = (at: string, value: number) => ({
    resourceType: 'Observation',
    status: 'final',
    subject: { reference: `Patient/${ann}` },
    code: { coding: [{ system: 'http://loinc.org', code: '99504-3' }] },
    effectiveDateTime: at,
    valueQuantity: { value, unit: 'mg/dL', system: 'http://unitsofmeasure.org', code: 'mg/dL' },
  })
  const weight = (at: string, value: number) => ({
    ...glucose(at, 0),
    code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] },
    valueQuantity: { value, unit: 'kg', system: 'http://unitsofmeasure.org', code: 'kg' },
  })
  await store(
    glucose('2025-06-05T08:00:00Z', 600),
    glucose('2025-06-06T08:00:00Z', 1500),
    glucose('2024-06-09T08:00:00Z', 10),
    glucose('2024-06-09T09:00:00Z', 100),
    weight('2025-06-05T08:00:00Z', 60),
    weight('2025-06-06T08:00:00Z', 6),
    weight('2025-06-07T08:00:00Z', 60.5),
  )
  const likely = wordsOf(await anns.get(`${page}?first=2025-06-05&last=2025-06-05`))
  t.notMatch(likely, 'can hardly be')
  const shown = await anns.get(`${page}?first=2025-06-05&last=2025-06-07`)
  const words = wordsOf(shown)
  t.match(
    words,
    /Points with values below 20 or above 600, which can hardly be, are marked by triangles at the edge: 1\./,
  )
  t.match(
    words,
    /Points with values below 30 or above 120, which can hardly be, are marked by triangles at the edge: 1\./,
  )
  t.match(words, /some below 20 or above 600 mg\/dL, which can hardly be: the figures are made of them as well/)
  t.match(tableOf(shown, 'Weight'), '6 June 2025 1 6.0 6.0 6.0', 'the table has all of them')
  const low = wordsOf(await anns.get(`${page}?first=2024-06-09&last=2024-06-09`))
  t.match(low, /some below 20 or above 600 mg\/dL, which can hardly be/)
})

t.test('a sensor’s “low” counts for the time in ranges, and the page says so', async t => {
  const low = (at: string, more: object) => ({
    resourceType: 'Observation',
    status: 'final',
    subject: { reference: `Patient/${ann}` },
    code: { coding: [{ system: 'http://loinc.org', code: '99504-3' }] },
    effectiveDateTime: at,
    valueQuantity: { value: 40, unit: 'mg/dL', system: 'http://unitsofmeasure.org', code: 'mg/dL', ...more },
  })
  await store(low('2025-06-09T08:00:00Z', { comparator: '<' }), low('2025-06-09T08:30:00Z', { value: 100 }))
  const words = wordsOf(await anns.get(`${page}?first=2025-06-09&last=2025-06-09`))
  t.match(words, /Mean 100 mg\/dL .* In range 70–180 50\.0 % .* Very low &lt; 54 50\.0 % /)
  t.match(words, /told only as below or above a number, such as a sensor&#39;s “low”: 1\. No other figure does\./)
})

t.test('values of a scale are drawn under each code, and others are mentioned and left out of figures', async t => {
  const measured = (code: string, day: string, value: number, unit: string) => ({
    resourceType: 'Observation',
    status: 'final',
    subject: { reference: `Patient/${ann}` },
    code: { coding: [{ system: 'http://loinc.org', code }] },
    effectiveDateTime: `2025-06-${day}T08:00:00Z`,
    valueQuantity: { value, unit, system: 'http://unitsofmeasure.org', code: unit },
  })
  await store(
    measured('29463-7', '11', 80, 'kg'),
    measured('3141-9', '12', 81, 'kg'),
    measured('29463-7', '13', -82, 'kg'),
    measured('99504-3', '11', 100, 'mg/dL'),
    measured('99504-3', '12', -100, 'mg/dL'),
    measured('99504-3', '13', 9999, 'mg/dL'),
    measured('96608-5', '11', 131, 'mm[Hg]'),
  )
  const shown = await anns.get(`${page}?first=2025-06-11&last=2025-06-14`)
  t.equal(
    tableOf(shown, 'Weight'),
    'Day Readings Mean Lowest Highest 11 June 2025 1 80.0 80.0 80.0 12 June 2025 1 81.0 81.0 81.0',
  )
  t.match(
    wordsOf(shown),
    /Weight kg .*Without a number in this unit, with one that cannot be, or measured more often than once a second, and so in no chart: 1\./,
  )
  t.match(
    wordsOf(shown),
    /Glucose day by day mg\/dL .*Without a number in this unit, with one that cannot be, or measured more often than once a second, and so in no chart: 2\./,
  )
  t.match(wordsOf(shown), /Mean 100 mg\/dL /)
  t.equal(tableOf(shown, 'Blood pressure'), 'Day Readings Mean Lowest Highest 11 June 2025 1 131 131 131')
})

t.test('a heart rate at rest is a separate line in the chart of heart rate', async t => {
  const measured = (code: string, effectiveDateTime: string, value: number) => ({
    resourceType: 'Observation',
    status: 'final',
    subject: { reference: `Patient/${ann}` },
    code: { coding: [{ system: 'http://loinc.org', code }] },
    effectiveDateTime,
    valueQuantity: { value, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
  })
  await store(
    measured('40443-4', '2025-07-11', 55),
    measured('40443-4', '2025-07-12T06:00:00Z', 57),
    measured('8867-4', '2025-07-12T18:00:00Z', 90),
  )
  const shown = await anns.get(`${page}?first=2025-07-10&last=2025-07-13`)
  t.equal(
    tableOf(shown, 'Heart rate'),
    'Day What Readings Mean Lowest Highest 11 July 2025 at rest, source not known 1 55 55 55 12 July 2025 source not known 1 90 90 90 12 July 2025 at rest, source not known 1 57 57 57',
  )
})

t.test('if the newest reading is a date without a time, the days up to it end with that date', async t => {
  const measured = (code: string, effectiveDateTime: string, unit: string) => ({
    resourceType: 'Observation',
    status: 'final',
    subject: { reference: `Patient/${ann}` },
    code: { coding: [{ system: 'http://loinc.org', code }] },
    effectiveDateTime,
    valueQuantity: { value: 80, unit, system: 'http://unitsofmeasure.org', code: unit },
  })
  // The evening before, in the Americas.
  await store(measured('29463-7', '2026-03-20', 'kg'), measured('8867-4', '2026-03-20T03:00:00Z', '/min'))
  for (const timezone of ['America/Los_Angeles', 'UTC', 'Pacific/Auckland']) {
    const shown = await anns.get(`${page}?timezone=${timezone}`)
    t.match(shown.body, 'value="20 March 2026"', timezone)
    t.match(tableOf(shown, 'Weight'), /20 March 2026 1 80\.0 80\.0 80\.0$/, timezone)
  }
})

t.test('where clocks are changed by half an hour, no step of a chart is in two days', async t => {
  const pulse = (effectiveDateTime: string, value: number) => ({
    resourceType: 'Observation',
    status: 'final',
    subject: { reference: `Patient/${ann}` },
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    effectiveDateTime,
    valueQuantity: { value, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
  })
  // Clocks went back from UTC+11 to UTC+10:30 on the 6th.
  await store(pulse('2025-04-07T23:45:00+10:30', 60), pulse('2025-04-08T00:15:00+10:30', 90))
  const query = 'first=2025-03-20&last=2025-04-20&timezone=Australia/Lord_Howe'
  const shown = await anns.get(`${page}?${query}`)
  t.equal(
    tableOf(shown, 'Heart rate'),
    'Day Readings Mean Lowest Highest 7 April 2025 1 60 60 60 8 April 2025 1 90 90 90',
  )
  t.match(wordsOf(shown), 'A point is the mean of 30 minutes.')
})

t.test('a mean in the middle between two numbers is rounded up, as if it were reckoned on paper', async t => {
  const weight = (effectiveDateTime: string, value: number) => ({
    resourceType: 'Observation',
    status: 'final',
    subject: { reference: `Patient/${ann}` },
    code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }] },
    effectiveDateTime,
    valueQuantity: { value, unit: 'kg', system: 'http://unitsofmeasure.org', code: 'kg' },
  })
  await store(weight('2025-05-05T07:00:00Z', 60.3), weight('2025-05-05T07:00:20Z', 60.4))
  const shown = await anns.get(`${page}?first=2025-05-05&last=2025-05-05`)
  t.equal(tableOf(shown, 'Weight'), 'Day Readings Mean Lowest Highest 5 May 2025 2 60.4 60.3 60.4')
  t.same(chartsIn(shown).find(({ title }) => title === 'Weight')?.lines?.[0]?.mean, [60.35])
})

t.test('if a sensor said only “low”, the time in ranges says so, and there is no usual day', async t => {
  const low = (effectiveDateTime: string) => ({
    resourceType: 'Observation',
    status: 'final',
    subject: { reference: `Patient/${ann}` },
    code: { coding: [{ system: 'http://loinc.org', code: '99504-3' }] },
    effectiveDateTime,
    valueQuantity: { value: 40, comparator: '<', system: 'http://unitsofmeasure.org', code: 'mg/dL' },
  })
  await store(low('2025-02-05T03:00:00Z'), low('2025-02-05T03:05:00Z'))
  const query = 'first=2025-02-05&last=2025-02-05'
  const shown = await anns.get(`${page}?${query}`)
  t.match(wordsOf(shown), 'From readings in interstitial fluid.')
  t.match(
    wordsOf(shown),
    /Mean not known Glucose management indicator \(GMI\) not known Coefficient of variation \(CV\) not known /,
  )
  t.match(wordsOf(shown), /Very low &lt; 54 100\.0 % /)
  t.match(wordsOf(shown), /They count readings that are told only as below or above a number, such as [^:]+: 2\./)
  t.same(titlesIn(shown), [])
})
