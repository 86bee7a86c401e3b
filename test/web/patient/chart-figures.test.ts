import type { Consent, Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { startSession } from '../../../src/storage/account/session.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { measurementsOf } from '../../support/measurements.ts'
import { consent, openStudies } from '../../support/study.ts'

/** The numbers above the charts of a patient, for the patient and for staff of a study. */
const world = await openStudies()
const { server, database, create, send } = world
t.teardown(() => server.close())
const lab = await world.institution('lab')
const study = await world.study(lab.manager, lab.organization, 'pressure', ['omh:blood-pressure', 'omh:blood-glucose'])
const ann = await world.participant(lab.manager, lab.organization, study.id, ['omh:blood-glucose'], 'Ann')

const browserOf = async (person: string, language = 'en') => {
  const browser = openBrowser(server, { headers: { 'accept-language': language } })
  browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  return browser
}
const account = await create('everything', {
  resourceType: 'Person',
  link: [{ target: { reference: `Patient/${ann}` } }],
})
const [own, spanish, staff] = [
  await browserOf(account.id),
  await browserOf(account.id, 'es'),
  await browserOf(study.researcher.person),
]
const shown = (query: string, browser = own) => browser.get(`/patients/${ann}?${query}`)

const unit = (code: string) => ({ unit: code, system: 'http://unitsofmeasure.org', code })
const loinc = (code: string) => ({ coding: [{ system: 'http://loinc.org', code }] })
const omh = (code: string) => ({ coding: [{ system: 'https://w3id.org/openmhealth', code }] })
const about = { resourceType: 'Observation', status: 'final', subject: { reference: `Patient/${ann}` } } as const
const one = (code: Observation['code'], effectiveDateTime: string, value: number, of: string) => ({
  ...about,
  code,
  effectiveDateTime,
  valueQuantity: { value, ...unit(of) },
})
const pressure = (effectiveDateTime: string, systolic: number, diastolic: number) => ({
  ...about,
  code: loinc('85354-9'),
  effectiveDateTime,
  component: [
    { code: loinc('8480-6'), valueQuantity: { value: systolic, ...unit('mm[Hg]') } },
    { code: loinc('8462-4'), valueQuantity: { value: diastolic, ...unit('mm[Hg]') } },
  ],
})
const lasting = (code: Observation['code'], [start, end]: readonly [string, string], value: number, of: string) => ({
  ...about,
  code,
  effectivePeriod: { start, end },
  valueQuantity: { value, ...unit(of) },
})
const store = async (...resources: readonly object[]) => {
  const entry = resources.map(resource => ({ resource, request: { method: 'POST', url: 'Observation' } }))
  const answer = await send('everything', 'POST', '', { resourceType: 'Bundle', type: 'batch', entry })
  if (/"status":"[45]/.test(answer.body)) throw new Error(answer.body)
}

/** What stands above the chart: each name with its number, and the sentences below them. */
const figuresIn = ({ body }: { readonly body: string }, title: string) => {
  const [, figure = ''] =
    new RegExp(`<h2>${title} <span[^>]*>[^<]*</span></h2>([\\s\\S]*?)<div class="plot"`).exec(body) ?? []
  const [, list = '', rest = ''] = /<dl class="facts">([\s\S]*?)<\/dl>([\s\S]*)/.exec(figure) ?? []
  const told = [...list.matchAll(/<dt>([^<]*)<\/dt><dd>([^<]*)<\/dd>/g)].map(([, name = '', value = '']) => [
    name,
    value,
  ])
  return { told: Object.fromEntries(told), said: wordsOf({ body: rest }) }
}

const pressures = [1, 2, 3].flatMap(day => [
  pressure(`2026-04-0${day}T05:30:00Z`, 130 + day, 80),
  pressure(`2026-04-0${day}T05:31:00Z`, 130 + day, 80),
  pressure(`2026-04-0${day}T18:00:00Z`, 120, 85),
])
await store(...pressures, pressure('2026-04-04T11:59:00Z', 135, 70), {
  ...pressure('2026-04-04T12:30:00Z', 220, 120),
  status: 'entered-in-error',
})

t.test('of blood pressure: means of the days and of their halves, and how many readings are high at home', async t => {
  const { told, said } = figuresIn(await shown('first=2026-04-01&last=2026-04-04'), 'Blood pressure')
  // 6 x 132 in the mean of the mornings, 3 x 120, and one of 135 before noon in UTC.
  t.same(told, {
    Mean: '129/81 mmHg',
    'Before noon': '132/79 mmHg, of 7',
    'From noon on': '120/85 mmHg, of 3',
    'From 135/85': '4 of 10 (40 %)',
    Readings: '10 on 4 days',
  })
  t.match(said, /high from 135\/85 mmHg on, by either number \(European Society of Hypertension, 2023\)/)
  t.match(said, /Fewer than 12 readings stand for little\./)
  const east = figuresIn(await shown('first=2026-04-01&last=2026-04-04&timezone=Europe/Madrid'), 'Blood pressure')
  t.same(
    [east.told['Before noon'], east.told['From noon on']],
    ['132/80 mmHg, of 6', '124/81 mmHg, of 4'],
    'noon is that of the time zone',
  )
  const [day] = [figuresIn(await shown('first=2026-04-01&last=2026-04-01'), 'Blood pressure').told]
  t.same(Object.keys(day), ['Mean', 'From 135/85', 'Readings'], 'halves of a single day are none')
})

t.test('in the chart, the thresholds of blood pressure have names', async t => {
  const { body } = await shown('first=2026-04-01&last=2026-04-04', spanish)
  const drawn = [...body.matchAll(/data-chart="([^"]*)"/g)].map(([, text = '']) =>
    JSON.parse(text.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>')),
  )
  t.same(
    drawn.find(({ title }) => title === 'Presión arterial').thresholds.map(({ mark }: { mark: string }) => mark),
    ['sistólica 135', 'diastólica 85'],
  )
  t.same(figuresIn({ body }, 'Presión arterial').told, {
    Media: '129/81 mmHg',
    'Antes del mediodía': '132/79 mmHg, de 7',
    'Desde el mediodía': '120/85 mmHg, de 3',
    'Desde 135/85': '4 de 10 (40 %)',
    Mediciones: '10 en 4 días',
  })
})

t.test('the numbers are made of what the reader may see, and of nothing else', async t => {
  const query = 'first=2026-04-01&last=2026-04-04'
  t.same(figuresIn(await shown(query, staff), 'Blood pressure').told, {}, 'nothing is shared')
  const token = await world.patientToken(ann, 'patient/Consent.cruds')
  const [entry] = await world.pages(token, `Consent?patient=${ann}`)
  const agreed = entry?.resource as Consent
  const [permit] = consent(ann, study.id, lab.organization, ['omh:blood-pressure']).provision?.provision ?? []
  const dataPeriod = { start: '2026-04-03T00:00:00Z', end: '2026-04-03T12:00:00Z' }
  await world.update(token, { ...agreed, provision: { ...agreed.provision, provision: [{ ...permit, dataPeriod }] } })
  t.same(figuresIn(await shown(query, staff), 'Blood pressure').told, {
    Mean: '133/80 mmHg',
    'From 135/85': '0 of 2 (0 %)',
    Readings: '2 on 1 day',
  })
})

t.test(
  'two numbers of one source at one moment are one reading, in whichever unit, and means of a device are none',
  async t => {
    const at = '2026-07-01T08:00:00Z'
    const panel = pressure('2026-07-01T18:00:00Z', 0, 0)
    const inKilopascal = [18, 10.5].map((value, place) => ({
      ...panel.component[place],
      valueQuantity: { value, ...unit('kPa') },
    }))
    await store(
      one(loinc('8480-6'), at, 120, 'mm[Hg]'),
      one(loinc('8462-4'), at, 90, 'mm[Hg]'),
      one(loinc('96608-5'), '2026-07-01T20:00:00Z', 200, 'mm[Hg]'),
      { ...panel, component: inKilopascal },
    )
    t.same(figuresIn(await shown('first=2026-07-01&last=2026-07-01'), 'Blood pressure').told, {
      Mean: '128/84 mmHg',
      'From 135/85': '2 of 2 (100 %)',
      Readings: '2 on 1 day',
    })
  },
)

t.test(
  'several numbers of one source with one date are several readings, of which each has one of each number',
  async t => {
    const at = '2026-07-03'
    await store(
      one(loinc('8480-6'), at, 120, 'mm[Hg]'),
      one(loinc('8462-4'), at, 70, 'mm[Hg]'),
      one(loinc('8480-6'), at, 150, 'mm[Hg]'),
      one(loinc('8462-4'), at, 90, 'mm[Hg]'),
      one(loinc('8480-6'), at, 120, 'mm[Hg]'),
    )
    t.same(figuresIn(await shown('first=2026-07-03&last=2026-07-03'), 'Blood pressure').told, {
      Mean: '130/80 mmHg',
      'From 135/85': '1 of 3 (33 %)',
      Readings: '3 on 1 day',
    })
  },
)

t.test('of the heart rate: at rest first, if a device has said so', async t => {
  await store(
    one(loinc('8867-4'), '2026-05-01T08:00:00Z', 62, '/min'),
    one(loinc('8867-4'), '2026-05-01T09:00:00Z', 99, '/min'),
    one(loinc('8867-4'), '2026-05-02T09:00:00Z', 70, '/min'),
    one(loinc('40443-4'), '2026-05-02', 55, '/min'),
    one(loinc('40443-4'), '2026-05-03', 58, '/min'),
  )
  const day = figuresIn(await shown('first=2026-05-01&last=2026-05-01'), 'Heart rate')
  t.same(day, {
    told: { Mean: '81 beats/min', Lowest: '62 beats/min', Highest: '99 beats/min', Readings: '2' },
    said: 'No device has reported a heart rate at rest in these days.',
  })
  const { told } = figuresIn(await shown('first=2026-05-01&last=2026-05-03'), 'Heart rate')
  t.same(told, {
    'Mean at rest': '57 beats/min, of 2 days',
    Mean: '77 beats/min',
    Lowest: '62 beats/min',
    Highest: '99 beats/min',
    Readings: '3',
  })
  const { told: alone } = figuresIn(await shown('first=2026-05-03&last=2026-05-03'), 'Heart rate')
  t.same(alone, { 'Mean at rest': '58 beats/min, of 1 day' })
})

t.test('of steps: the mean of the days that have some and are over, and how many days these are', async t => {
  const steps = (day: string, value: number) => one(omh('omh:step-count'), `${day}T10:00:00Z`, value, '{steps}')
  await store(steps('2026-05-11', 4000), steps('2026-05-11', 1000.5), steps('2026-05-13', 9000))
  t.same(figuresIn(await shown('first=2026-05-10&last=2026-05-14'), 'Steps'), {
    told: { 'Mean of a day': '7000, of 2 of 5 days' },
    said: 'Days without readings are left out.',
  })
  const [today, yesterday] = [0, 1].map(days => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10))
  await store(
    one(omh('omh:step-count'), `${yesterday}T00:00:00Z`, 3000, '{steps}'),
    one(omh('omh:step-count'), `${today}T00:00:00Z`, 10, '{steps}'),
  )
  t.same(figuresIn(await shown(`first=${yesterday}&last=${today}`), 'Steps'), {
    told: { 'Mean of a day': '3000, of 1 of 1 day' },
    said: 'Days without readings are left out. So is today, which is not over.',
  })
})

t.test('of sleep: the mean of a night, the shortest and the longest, and how much they differ', async t => {
  const night = (day: number, hours: number) =>
    lasting(omh('omh:sleep-duration'), [`2026-05-${day - 1}T22:00:00Z`, `2026-05-${day}T06:00:00Z`], hours * 60, 'min')
  await store(night(16, 6), night(17, 7), night(19, 8))
  t.same(figuresIn(await shown('first=2026-05-16&last=2026-05-20', spanish), 'Sueño'), {
    told: {
      'Media de una noche': '7,0 h, de 3 noches',
      'La más corta y la más larga': '6,0 h y 8,0 h',
      'Desviación típica de las noches': '1,0 h',
    },
    said: 'Las noches sin mediciones no cuentan.',
  })
})

t.test('of weight: how it has changed, by the means of the first and the last day', async t => {
  const weight = (at: string, value: number) => one(loinc('29463-7'), at, value, 'kg')
  await store(
    weight('2026-06-01T06:00:00Z', 80.4),
    weight('2026-06-01T07:00:00Z', 80.6),
    weight('2026-06-05T06:00:00Z', 90),
    weight('2026-06-09T06:00:00Z', 78.5),
    weight('2026-06-20T06:00:00Z', 79),
  )
  t.same(figuresIn(await shown('first=2026-06-01&last=2026-06-10'), 'Weight').told, {
    First: '80.5 kg, Mon 1 Jun',
    Last: '78.5 kg, Tue 9 Jun',
    Change: '−2.0 kg (−2.5 %)',
  })
  t.same(figuresIn(await shown('first=2026-06-20&last=2026-06-20'), 'Weight').told, { Last: '79.0 kg, Sat 20 Jun' })
})

const glucose = measurementsOf(ann, '', Date.parse('2026-03-15T00:00:00Z'))
  .filter(({ code }) => code.coding?.[0]?.code === '99504-3')
  .map(({ device: _, ...rest }) => rest)
await store(
  ...glucose.slice(0, 60).map((one, at) => ({
    ...one,
    valueQuantity: { value: [50, 60, 100, 100, 200, 300][at % 6], ...unit('mg/dL') },
  })),
  ...glucose.slice(300, 310),
  // A finger prick, which is in the chart of all readings and not in the profile.
  one(loinc('41653-7'), '2026-03-02T12:00:00Z', 190, 'mg/dL'),
)

t.test('time in ranges is a bar with its parts one above the other, and a row for each of them', async t => {
  const { body } = await shown('first=2026-03-01&last=2026-03-01')
  const [, bar = ''] = /<svg class="ranges"[^>]*>([\s\S]*?)<\/svg>/.exec(body) ?? []
  t.same(
    [...bar.matchAll(/<rect class="([^"]*)" x="0" y="([\d.]+)%" width="60%" height="([\d.]+)%"\/>/g)].map(
      ([, name, y, height]) => [name, Number(y), Number(height)],
    ),
    [
      ['very-high', 0, 16.667],
      ['high', 16.667, 16.667],
      ['in-range', 33.333, 33.333],
      ['low', 66.667, 16.667],
      ['very-low', 83.333, 16.667],
    ],
  )
  t.same(
    [...bar.matchAll(/url\(#hatch-([^)]*)\)/g)].map(([, name]) => name),
    ['very-high', 'high', 'low', 'very-low'],
    'each but the one in range is hatched in its own way, for whoever sees no colours',
  )
  const [, table = ''] =
    /<caption[^>]*>Part of the readings in each range[^<]*<\/caption>([\s\S]*?)<\/table>/.exec(body) ?? []
  t.equal(
    wordsOf({ body: table }),
    'Range Time, and the usual target Very high &gt; 250 16.7 % target &lt; 5 % High 181–250 16.7 % 33.3 % with very high, target &lt; 25 % In range 70–180 33.3 % target &gt; 70 % Low 54–69 16.7 % 33.3 % with very low, target &lt; 4 % Very low &lt; 54 16.7 % target &lt; 1 %',
  )
})

t.test('the usual day has the scale of the published report, in the unit of the reader', async t => {
  const scaleIn = ({ body }: { readonly body: string }) => {
    const [, text = ''] = /data-chart="([^"]*&quot;style&quot;:&quot;day&quot;[^"]*)"/.exec(body) ?? []
    const { scale, ticks, percentiles, thresholds } = JSON.parse(text.replaceAll('&quot;', '"'))
    return { scale, ticks: ticks.slice(0, 4), names: percentiles.map(({ name }: { name: string }) => name), thresholds }
  }
  const names = ['5 %', '25 %', '50 %', '75 %', '95 %']
  t.same(scaleIn(await shown('first=2026-03-01&last=2026-03-01')), {
    scale: [0, 350],
    ticks: [70, 180, 250, 350],
    names,
    thresholds: [
      { value: 70, label: 'in range from 70 to 180 mg/dL', mark: '' },
      { value: 180, label: 'in range from 70 to 180 mg/dL', mark: 'Target range 70–180 mg/dL' },
    ],
  })
  t.same(scaleIn(await shown('first=2026-03-01&last=2026-03-01&glucose=mmol/L', spanish)), {
    scale: [0, 21],
    ticks: [3.9, 10, 13.9, 21],
    names,
    thresholds: [
      { value: 3.9, label: 'en rango de 3,9 a 10 mmol/L', mark: '' },
      { value: 10, label: 'en rango de 3,9 a 10 mmol/L', mark: 'Rango objetivo 3,9–10,0 mmol/L' },
    ],
  })
})

t.test(
  'each day is a small picture that leads to it, from Monday on, and a day without readings of the profile between others is empty',
  async t => {
    const daysIn = ({ body }: { readonly body: string }) => {
      const [, from, list = ''] = /<ol class="days list-unstyled from-(\d)">([\s\S]*?)<\/ol>/.exec(body) ?? []
      const days = list.split('</li>').flatMap(item => {
        const [, href = '', name] = /<a href="([^"]*)">([^<]*)<\/a>/.exec(item) ?? []
        return name === undefined
          ? []
          : [[name, href.replaceAll('&amp;', '&'), item.match(/class="(above|below|line)"/g)?.length ?? 0]]
      })
      return { from, days }
    }
    const { from, days } = daysIn(await shown('first=2026-03-01&last=2026-03-05'))
    t.equal(from, '7', 'it is a Sunday')
    const day = (date: string) => `/patients/${ann}?first=${date}&last=${date}&timezone=UTC&glucose=mg%2FdL`
    t.same(days, [
      ['Sun 1 Mar', day('2026-03-01'), 3],
      ['Mon 2 Mar', day('2026-03-02'), 0],
      ['Tue 3 Mar', day('2026-03-03'), 0],
      ['Wed 4 Mar', day('2026-03-04'), 1],
    ])
    t.equal(daysIn(await shown('first=2026-03-01&last=2026-03-05', spanish)).days[0]?.[0], 'dom 1 mar')
    const month = await shown('first=2026-02-20&last=2026-03-22')
    t.same(
      daysIn(month),
      { from, days: daysIn(month).days.slice(0, 4) },
      'before the first reading and after the last are no days',
    )
    t.match(wordsOf(month), 'Days before the first reading and after the last are left out.')
    t.notMatch(wordsOf(await shown('first=2026-03-01&last=2026-03-04')), 'are left out.')
    t.same(daysIn(await shown('first=2026-03-04&last=2026-03-09')).days, [], 'of a day alone there is the chart')
    t.same(daysIn(await shown('first=2026-03-01&last=2026-04-01')).days, [], 'of more than a month there are none')
  },
)
