import type { Consent } from '@medplum/fhirtypes'
import t from 'tap'
import { systems } from '../../../src/fhir/canonical.ts'
import { startSession } from '../../../src/storage/account/session.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { openStudies } from '../../support/study.ts'

const world = await openStudies()
const { server, database, create, send } = world
t.teardown(() => server.close())
const lab = await world.institution('lab')
const kinds = ['omh:body-temperature', 'omh:body-fat-percentage', 'omh:oxygen-saturation']
const study = await world.study(lab.manager, lab.organization, 'study', kinds)
const ann = await world.participant(lab.manager, lab.organization, study.id, kinds, 'Ann')
const { id: scale } = await create('everything', {
  resourceType: 'Device',
  deviceName: [{ name: 'Scale <b>', type: 'user-friendly-name' }],
})
const account = await create('everything', {
  resourceType: 'Person',
  link: [{ target: { reference: `Patient/${ann}` } }],
})
const page = `/patients/${ann}?first=2026-03-01&last=2026-03-14&timezone=Asia/Tokyo`

const browserOf = async (person: string, language?: string) => {
  const browser = openBrowser(server, language === undefined ? {} : { headers: { 'accept-language': language } })
  browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  return browser
}
const [staff, anns, inSpanish] = [
  await browserOf(study.researcher.person),
  await browserOf(account.id),
  await browserOf(account.id, 'es'),
]

type Measured = { readonly at: string; readonly code: readonly [system: string, code: string] } & Record<
  string,
  unknown
>

const measured = ({ at, code: [system, code], ...more }: Measured) => ({
  resourceType: 'Observation',
  status: 'final',
  subject: { reference: `Patient/${ann}` },
  code: { coding: [{ system, code }] },
  effectiveDateTime: at,
  ...more,
})
const store = async (...all: readonly Measured[]) => {
  const entry = all.map(one => ({ resource: measured(one), request: { method: 'POST', url: 'Observation' } }))
  const answer = await send('everything', 'POST', '', { resourceType: 'Bundle', type: 'batch', entry })
  if (/"status":"[45]/.test(answer.body)) throw new Error(answer.body)
}
const quantity = (value: number, code: string, unit = code) => ({
  valueQuantity: { value, unit, system: systems.ucum, code },
})
const omh = (code: string) => [systems.omh, code] as const
const loinc = (code: string) => [systems.loinc, code] as const
/** The rows below its heading; empty if the page has no such table. */
const othersIn = ({ body }: { readonly body: string }, title = 'Other measurements'): readonly string[] => {
  const [, section = ''] = body.split(`<h2>${title}</h2>`)
  const rows = section.split('</table>', 1)[0]?.split('<tr>').slice(2) ?? []
  return rows.map(row =>
    row
      .replace(/<\/t[hd]><t[hd]>/g, ' | ')
      .replace(/<[^>]+>/g, '')
      .trim(),
  )
}
const chartsIn = ({ body }: { readonly body: string }) =>
  [...body.matchAll(/<figcaption><h2>([^<]+?) <span[^>]*>([^<]+)</g)].map(([, title, unit]) => `${title}, ${unit}`)

t.test('without any reading there is no table', async t => {
  const shown = await anns.get(page)
  t.equal(shown.status, 200)
  t.notMatch(shown.body, 'Other measurements')
})

t.test('what the charts draw is not repeated in the table of the others', async t => {
  await store(
    { at: '2026-03-10T08:00:00Z', code: omh('omh:oxygen-saturation'), ...quantity(97, '%') },
    { at: '2026-03-10T08:00:00Z', code: omh('omh:respiratory-rate'), ...quantity(14, '/min') },
    { at: '2026-03-10T08:00:00Z', code: loinc('8331-1'), ...quantity(98.6, '[degF]') },
    {
      at: '2026-03-10T08:00:00Z',
      code: loinc('85354-9'),
      component: [{ code: { coding: [{ system: systems.loinc, code: '8480-6' }] }, ...quantity(131, 'mm[Hg]') }],
    },
  )
  const shown = await anns.get(page)
  t.same(chartsIn(shown), [
    'Blood pressure, mmHg',
    'Oxygen saturation, %',
    'Breathing rate, breaths/min',
    'Body temperature, °C',
  ])
  t.match(wordsOf(shown), '10 March 2026 1 37.0 37.0 37.0', 'from degrees Fahrenheit')
  t.notMatch(shown.body, 'Other measurements')
})

t.test('the newest reading of each other kind is in a table, whatever days are shown', async t => {
  await store(
    { at: '2026-02-01', code: omh('omh:body-height'), ...quantity(171.5, 'cm') },
    { at: '2025-12-01T08:00:00Z', code: omh('omh:body-fat-percentage'), ...quantity(22, '%') },
    {
      at: '2026-01-31T22:30:00Z',
      code: omh('omh:body-fat-percentage'),
      ...quantity(21.4, '%'),
      device: { reference: `Device/${scale}` },
    },
    {
      at: '2026-02-02T08:00:00Z',
      code: omh('omh:body-fat-percentage'),
      ...quantity(99, '%'),
      status: 'entered-in-error',
    },
    { at: '2999-01-01T08:00:00Z', code: omh('omh:body-fat-percentage'), ...quantity(98, '%') },
  )
  const rows = [
    'Body height | 171.5 cm | 1 February 2026 source not known',
    'Body fat percentage | 21.4 % | 1 February 2026 07:30 Scale &lt;b&gt;',
  ]
  t.same(othersIn(await anns.get(page)), rows)
  t.same(othersIn(await anns.get(page.replace('2026-03', '2024-03').replace('2026-03', '2024-03'))), rows)
  t.same(othersIn(await inSpanish.get(page), 'Otras mediciones'), [
    'Estatura | 171,5 cm | 1 de febrero de 2026 no se sabe de qué aparato',
    'Porcentaje de grasa corporal | 21,4 % | 1 de febrero de 2026 07:30 Scale &lt;b&gt;',
  ])
})

t.test('staff see those that are shared with them, and none once their kind is withdrawn', async t => {
  t.same(othersIn(await staff.get(page)), ['Body fat percentage | 21.4 % | 1 February 2026 07:30 Scale &lt;b&gt;'])
  const token = await world.patientToken(ann, 'patient/Consent.cruds')
  const [entry] = await world.pages(token, `Consent?patient=${ann}`)
  const consent = entry?.resource as Consent
  const provision = consent.provision?.provision?.filter(
    ({ code }) => code?.[0]?.coding?.[0]?.code !== 'omh:body-fat-percentage',
  )
  await world.update(token, { ...consent, provision: { ...consent.provision, provision: provision ?? [] } })
  const shown = await staff.get(page)
  t.same(chartsIn(shown), ['Oxygen saturation, %', 'Body temperature, °C'])
  t.same(othersIn(shown), [])
})

t.test(
  'a value is shown with its comparator, a reading in parts by its parts, and samples are no single value',
  async t => {
    await store(
      {
        at: '2026-03-11T08:00:00Z',
        code: loinc('30525-0'),
        valueQuantity: { value: 90, comparator: '>', unit: 'years', system: systems.ucum, code: 'a' },
      },
      {
        at: '2026-03-12T08:00:00Z',
        code: omh('omh:physical-activity'),
        valueCodeableConcept: { text: 'walking' },
        component: [{ code: { text: 'Distance' }, ...quantity(1.2, 'km') }],
      },
      {
        at: '2026-03-13T08:00:00Z',
        code: loinc('11524-6'),
        valueSampledData: { origin: { value: 0 }, period: 4, dimensions: 1, data: '1 2 3' },
      },
      {
        at: '2026-03-13T09:00:00Z',
        code: loinc('72514-3'),
        dataAbsentReason: { text: 'not asked' },
      },
    )
    t.same(othersIn(await anns.get(page)).slice(0, 5), [
      '72514-3 | not asked | 13 March 2026 18:00 source not known',
      '11524-6 | not a single value | 13 March 2026 17:00 source not known',
      'Physical activity | walking | 12 March 2026 17:00 source not known',
      'Physical activity, Distance | 1.2 km | 12 March 2026 17:00 source not known',
      '30525-0 | &gt; 90 years | 11 March 2026 17:00 source not known',
    ])
  },
)
