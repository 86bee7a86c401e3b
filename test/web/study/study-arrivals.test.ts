import type { ObservationComponent } from '@medplum/fhirtypes'
import t from 'tap'
import { systems } from '../../../src/fhir/canonical.ts'
import { parseJson } from '../../../src/fhir/json.ts'
import { wordsOf } from '../../support/browser.ts'
import { openTenants } from '../tenants.ts'

const world = await openTenants()
const { server, people, lab, clinic, newStudy, participant, send } = world
t.teardown(() => server.close())

const study = await newStudy(lab.manager, lab.organization, 'many readings', ['omh:heart-rate', 'omh:step-count'])
const personOf = (kinds: readonly string[], name: string) =>
  participant(lab.manager, lab.organization, study.id, kinds, name)

const upload = (patient: string, code: string, count: number, firstHour = 0) =>
  uploadOf(
    patient,
    code,
    Array.from({ length: count }, (_, minute) => minute),
    firstHour,
  )

const uploadOf = async (patient: string, code: string, minutes: readonly number[], firstHour = 0) => {
  const entry = minutes.map(minute => ({
    resource: {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: systems.loinc, code }] },
      subject: { reference: `Patient/${patient}` },
      effectiveDateTime: new Date(Date.UTC(2026, 2, 1, firstHour, minute)).toISOString(),
      valueQuantity: { value: 60 + (minute % 9), unit: '/min', system: systems.ucum, code: '/min' },
    },
    request: { method: 'POST', url: 'Observation' },
  }))
  const { statusCode } = await send('everything', 'POST', '', { resourceType: 'Bundle', type: 'batch', entry } as never)
  if (statusCode !== 200) throw new Error(`the upload was answered with ${statusCode}`)
}

t.test(
  'somebody who sends a thousand readings does not push out those before, and what is not shared is not counted',
  async t => {
    const bea = await personOf(['omh:heart-rate'], 'Bea')
    const cy = await personOf(['omh:heart-rate', 'omh:step-count'], 'Cy')
    await upload(cy, '8867-4', 2)
    await upload(cy, '55423-8', 3)
    await upload(bea, '55423-8', 5)
    await upload(bea, '8867-4', 700, 1)
    await upload(bea, '8867-4', 700)
    const { body } = await people.member.get(`/studies/${study.id}/arrivals`)
    t.match(
      body,
      /<main id="content" class="container-xl .*<div class="narrow">.*Back to the studies<\/a><\/p>\s*<\/div>/s,
      'as wide as the other tabs',
    )
    const lines = [...body.matchAll(/<li class="list-group-item px-0 py-3">([\s\S]*?)<\/li>/g)].map(([, line = '']) =>
      wordsOf({ body: line })
        .replaceAll(/ Arrived .*?, measured /g, ' … ')
        .trim(),
    )
    t.same(lines, [
      'Bea Heart rate, 66 /min … 1 March 2026 at 11:39 UTC: the newest of 1,400, the first measured 1 March 2026 at 00:00 UTC',
      [
        'Cy Step count, 62 /min … 1 March 2026 at 00:02 UTC: the newest of 3, the first measured 1 March 2026 at 00:00 UTC',
        'Heart rate, 61 /min … 1 March 2026 at 00:01 UTC: the newest of 2, the first measured 1 March 2026 at 00:00 UTC',
      ].join(' '),
    ])
  },
)

t.test(
  'a reading with a date alone was measured on that day, and one with several times at the last of them',
  async t => {
    const dated = await newStudy(lab.manager, lab.organization, 'dates', ['omh:heart-rate', 'omh:step-count'])
    const dee = await participant(lab.manager, lab.organization, dated.id, ['omh:heart-rate', 'omh:step-count'], 'Dee')
    const send = (code: string, effective: object) =>
      world.create('everything', {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: systems.loinc, code }] },
        subject: { reference: `Patient/${dee}` },
        valueQuantity: { value: 60, unit: '/min', system: systems.ucum, code: '/min' },
        ...effective,
      })
    const linesOf = async (page: string) => {
      const { body } = await people.member.get(`/studies/${dated.id}${page}`)
      return wordsOf({ body }).match(/measured \d+ \w+ \d+(?: at [\d:]+ UTC)?/g)
    }
    await send('8867-4', { effectiveDateTime: '2026-03-06T00:00:00Z' })
    await send('8867-4', { effectiveDateTime: '2026-03-05' })
    await send('55423-8', { effectiveDateTime: '2026-03-04' })
    await send('55423-8', { effectiveTiming: { event: ['2026-03-04T13:30:00+02:00', '2026-03-04T13:00:00+01:00'] } })
    t.same(await linesOf('/arrivals'), [
      'measured 4 March 2026 at 12:00 UTC',
      'measured 4 March 2026',
      'measured 5 March 2026',
      'measured 5 March 2026',
    ])
    t.same(await linesOf(''), ['measured 6 March 2026 at 00:00 UTC'])
    await send('8867-4', { effectiveDateTime: '2026-03-07' })
    t.same(await linesOf(''), ['measured 7 March 2026'])
  },
)

t.test(
  'a blood pressure is one pair of values, and the pulse and the posture in which it was measured stand after it',
  async t => {
    const kinds = ['omh:blood-pressure', 'omh:heart-rate']
    const pressed = await newStudy(lab.manager, lab.organization, 'pressed', kinds)
    const patient = await participant(lab.manager, lab.organization, pressed.id, kinds, 'Flo')
    const measured = (code: string, value: number) => ({
      code: { coding: [{ system: systems.loinc, code }] },
      valueQuantity: { value, unit: 'mmHg', system: systems.ucum, code: 'mm[Hg]' },
    })
    const pulse = { coding: [{ system: systems.loinc, code: '8867-4' }] }
    const dataAbsentReason = { text: 'cuff slipped' }
    const send = (day: string, ...component: ObservationComponent[]) =>
      world.create('everything', {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: systems.loinc, code: '85354-9' }] },
        subject: { reference: `Patient/${patient}` },
        effectiveDateTime: `${day}T00:00:00Z`,
        component,
      })
    const shown = async () => wordsOf(await people.member.get(`/studies/${pressed.id}/arrivals`))
    await send(
      '2026-03-06',
      { code: pulse, valueQuantity: { value: 71, unit: 'beats/min', system: systems.ucum, code: '/min' } },
      measured('8480-6', 132),
      { code: { text: 'posture' }, valueCodeableConcept: { text: 'sitting' } },
      measured('8462-4', 83),
    )
    t.match(await shown(), / Flo Blood pressure.*, 132 mmHg \/ 83 mmHg, 71 beats\/min, sitting Arrived /)
    const { code } = measured('8462-4', 0)
    await send('2026-03-07', { code: pulse, dataAbsentReason }, measured('8480-6', 131), { code, dataAbsentReason })
    t.match(await shown(), /, 131 mmHg \/ no value \(cuff slipped\), no value \(cuff slipped\) Arrived /)
  },
)

t.test('how long somebody slept is written in hours and minutes', async t => {
  const slept = await newStudy(lab.manager, lab.organization, 'slept', ['omh:sleep-duration'])
  const patient = await participant(lab.manager, lab.organization, slept.id, ['omh:sleep-duration'], 'Gus')
  await world.create('everything', {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: systems.omh, code: 'omh:sleep-duration' }] },
    subject: { reference: `Patient/${patient}` },
    effectivePeriod: { start: '2026-03-05T22:00:00Z', end: '2026-03-06T06:00:00Z' },
    valueQuantity: { value: 455, unit: 'min', system: systems.ucum, code: 'min' },
  })
  const { body } = await people.member.get(`/studies/${slept.id}/arrivals`)
  t.match(wordsOf({ body }), / Gus .*, 7 h 35 min Arrived /)
})

t.test('a number has the digits with which it was sent', async t => {
  const exact = await newStudy(lab.manager, lab.organization, 'exact', ['omh:blood-glucose', 'omh:heart-rate'])
  const kinds = ['omh:blood-glucose', 'omh:heart-rate']
  const patient = await participant(lab.manager, lab.organization, exact.id, kinds, 'Hal')
  const measured = (code: string, digits: string) =>
    world.create('everything', {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: systems.loinc, code }] },
      subject: { reference: `Patient/${patient}` },
      effectiveDateTime: '2026-03-06T00:00:00Z',
      valueQuantity: { value: parseJson(digits) as number, unit: '1' },
    })
  await measured('2339-0', '1e-7')
  await measured('8867-4', '62.50')
  const { body } = await people.member.get(`/studies/${exact.id}/arrivals`)
  t.match(wordsOf({ body }), /Heart rate, 62\.50 1 Arrived .* Blood glucose, 0\.0000001 1 Arrived /)
})

t.test('of what came at once, in any order, the newest is what was measured last', async t => {
  const turned = await newStudy(lab.manager, lab.organization, 'turned', ['omh:heart-rate'])
  const eve = await participant(lab.manager, lab.organization, turned.id, ['omh:heart-rate'], 'Eve')
  const newestOf = async () => {
    const { body } = await people.member.get(`/studies/${turned.id}/arrivals`)
    return wordsOf({ body })
      .match(/Heart rate, (\d+) .*?measured (.*?): the newest of ([\d,]+), the first measured (.*?) Back/)
      ?.slice(1)
  }
  await uploadOf(eve, '8867-4', [30, 31, 29, 0])
  t.same(await newestOf(), ['64', '1 March 2026 at 00:31 UTC', '4', '1 March 2026 at 00:00 UTC'])
  await uploadOf(
    eve,
    '8867-4',
    Array.from({ length: 1200 }, (_, index) => 1200 - index),
  )
  t.same(
    await newestOf(),
    ['63', '1 March 2026 at 20:00 UTC', '1,204', '1 March 2026 at 00:00 UTC'],
    'also of more than are walked over at first',
  )
})

t.test(
  'whoever has records in two organizations is listed once, by the name in the record that was enrolled',
  async t => {
    const kinds = ['omh:heart-rate', 'omh:step-count']
    const joined = await newStudy(lab.manager, lab.organization, 'joined', kinds)
    const fay = await participant(lab.manager, lab.organization, joined.id, kinds, 'Fay')
    const other = await world.create(clinic.manager, {
      resourceType: 'Patient',
      name: [{ family: 'Fairweather' }],
      managingOrganization: { reference: `Organization/${clinic.organization}` },
    })
    const link = [fay, other.id].map(one => ({ target: { reference: `Patient/${one}` } }))
    await world.create('everything', { resourceType: 'Person', link })
    await upload(fay, '8867-4', 1)
    await upload(other.id, '55423-8', 1)
    const { body } = await people.member.get(`/studies/${joined.id}/arrivals`)
    const names = [...body.matchAll(/<h2 class="h3">(.*?)<\/h2>/g)].map(([, name]) => name)
    t.match(names, [new RegExp(`^<a href="/patients/${fay}\\?back=[^"]*">Fay</a>$`)])
    t.equal(names.length, 1)
    t.match(wordsOf({ body }), /Fay Step count, .* Heart rate, /)
  },
)

t.test('if more came than are listed, the page says so, and where the rest is', async t => {
  const crowd = await newStudy(lab.manager, lab.organization, 'crowd', ['omh:heart-rate'])
  const page = `/studies/${crowd.id}/arrivals`
  const isCut = /These are the newest 30\. When data of each person last came stands in the list of people/
  const linesOf = async (count: number) => {
    for (let index = 0; index < count; index++)
      await upload(await participant(lab.manager, lab.organization, crowd.id, ['omh:heart-rate'], 'One'), '8867-4', 1)
    const shown = await people.member.get(page)
    return { lines: shown.body.match(/<h2 class="h3">/g)?.length, words: wordsOf(shown) }
  }
  const whole = await linesOf(30)
  t.equal(whole.lines, 30)
  t.notMatch(whole.words, isCut)
  const cut = await linesOf(1)
  t.equal(cut.lines, 30)
  t.match(cut.words, isCut)
})
