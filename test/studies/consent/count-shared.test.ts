import type { Observation, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { extensions, systems } from '../../../src/fhir/canonical.ts'
import { addDays } from '../../../src/fhir/timezone.ts'
import { sql } from '../../../src/storage/sql.ts'
import { wordsOf } from '../../support/browser.ts'
import { studyAnew } from '../../support/study-anew.ts'
import { openInvited } from '../../web/invited.ts'

const world = await openInvited()
const { arrived, band, create, database, lab, pages, patientToken, send, study } = world
t.teardown(world.close)
t.setTimeout(280_000)

const page = `/sharing/${study.id}`
const hearts = `omh:heart-rate@${band}`
const steps = 'omh:step-count@any'
const timezones = ['UTC', 'America/New_York', 'Pacific/Auckland', 'Asia/Kathmandu', 'America/Santiago']
const first = '2026-03-06'

/** The same numbers each time. */
const drawn = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((state / 2 ** 31) * below)
  }
}

/** Days in several zones, which end with their last second or as the next one begins; some go on into that. */
const wholeDays = () =>
  ['Z', '-05:00', '-04:00', '+13:00', '+05:45', '-03:00'].flatMap(offset =>
    [0, 1, 2, 3, 4, 5].flatMap(day => {
      const on = addDays(first, day)
      const next = `${addDays(on, 1)}T00:00:00`
      return [`${on}T23:59:59`, next, `${next}.000`, `${next}.001`].map(end => ({
        day,
        effectivePeriod: { start: `${on}T00:00:00${offset}`, end: `${end}${offset}` },
      }))
    }),
  )

/** Moments, days, months and periods around changes of the clock; from a band of the study's, another one, and none. */
const measured = async (patient: string) => {
  const subject = { reference: `Patient/${patient}` }
  const self = await patientToken(patient, 'patient/*.cruds')
  const deviceOf = async (source: string) => {
    const { id } = await create(self, {
      resourceType: 'Device',
      patient: subject,
      parent: { reference: `Device/${source}` },
    })
    return { device: { reference: `Device/${id}` } }
  }
  const other = await create('everything', {
    resourceType: 'Device',
    deviceName: [{ name: 'Other', type: 'model-name' }],
  })
  const [own, foreign, direct] = [
    await deviceOf(band),
    await deviceOf(other.id),
    { device: { reference: `Device/${band}` } },
  ]
  const of = (code: string, more: object): Resource => ({
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: systems.loinc, code }] },
    subject,
    valueQuantity: { value: 60 },
    ...(more as Partial<Observation>),
  })
  const resources: Resource[] = []
  for (let hour = 0; hour < 24 * 7; hour += 3) {
    const effectiveDateTime = new Date(Date.parse(`${first}T00:00:00Z`) + hour * 3_600_000).toISOString()
    resources.push(of('8867-4', { effectiveDateTime, ...[own, direct, foreign, own, {}][hour % 5] }))
  }
  for (const effectiveDateTime of [
    '2026-03-08',
    '2026-03',
    '2026',
    '2026-03-09T05:59:59.999Z',
    '2026-03-09T06:00:00+01:00',
  ])
    resources.push(of('8867-4', { effectiveDateTime, ...own }))
  resources.push(
    of('8867-4', own),
    of('8867-4', { ...own, effectiveDateTime: '2026-03-08T12:00:00Z', status: 'entered-in-error' }),
  )
  const part = { code: { coding: [{ system: systems.loinc, code: '55423-8' }] }, valueQuantity: { value: 7 } }
  for (const effectiveDateTime of ['2026-03-07T12:00:00Z', '2026-03-10T12:00:00Z'])
    resources.push(of('8867-4', { ...own, effectiveDateTime, component: [part] }))
  for (const { day, effectivePeriod } of wholeDays())
    resources.push(of('55423-8', { effectivePeriod, ...(day % 2 === 0 ? own : {}) }))
  const entry = resources.map(resource => ({ resource, request: { method: 'POST', url: resource.resourceType } }))
  const answer = await send('everything', 'POST', '', { resourceType: 'Bundle', type: 'transaction', entry })
  if (answer.statusCode !== 200) throw new Error(answer.body)
  const found = answer.json().entry as readonly { readonly response: { readonly location: string } }[]
  const [from = ''] = found[3]?.response.location.match(/Observation\/[^/]+/) ?? []
  await create(
    'everything',
    of('8867-4', {
      ...own,
      effectiveDateTime: '2026-03-09T12:00:00Z',
      derivedFrom: [{ reference: from }],
    }) as Observation,
  )
}

t.test('the preview counts exactly what the people of the study read once it is signed', async t => {
  const { browser: own, patient } = await arrived('Ana')
  await measured(patient.id)
  const draw = drawn(7)
  const pick = <T>(of: readonly T[]): T => of[draw(of.length)] as T
  const formIn = async (timezone: string) => {
    const { body } = await own.get(`${page}?timezone=${timezone}`)
    const form = /<form method="post" action="[^"]*" id="choices"[^>]*>([\s\S]*?)<\/form>/.exec(body)?.[1] ?? ''
    const texts = [
      ...form.matchAll(/<input (?:class="[^"]*" id="[^"]*"|type="hidden") name="([^"]*)"[^>]*\svalue="([^"]*)"/g),
    ]
    return Object.fromEntries(texts.map(([, name = '', value = '']) => [name, value]))
  }
  const days = (line: string) => {
    const from = addDays(first, draw(5) - 1)
    const until = draw(3) === 0 ? '' : addDays(from, draw(4))
    return { [`${line}-from`]: from, [`${line}-until`]: until }
  }
  const read = async (code: string) =>
    (await pages(lab.manager, `Observation?patient=Patient/${patient.id}&code=${systems.loinc}|${code}`)).length
  let most = 0
  for (let round = 0; round < 30; round += 1) {
    const timezone = pick(timezones)
    const form = await formIn(timezone)
    // What is not edited came from another time zone, and is a moment in this one.
    const shared = pick([[hearts], [steps], [hearts, steps], [hearts, steps]])
    const lines = [hearts, steps].map(line => ({
      [line]: shared.includes(line) ? 'yes' : 'no',
      ...(form[`${line}-given-from`] === undefined || draw(2) === 0 ? days(line) : {}),
    }))
    const choice = Object.assign({}, form, ...lines)
    const preview = await own.post(page, choice)
    const told = (name: string) =>
      Number(
        new RegExp(`${name}[^<]*<time[\\s\\S]*?So far there (?:are|is) (\\d+) reading`).exec(preview.body)?.[1] ?? 0,
      )
    const counted = { hearts: told('<li>Heart rate'), steps: told('<li>Step count') }
    const signing = /<form method="post" action="[^"]*\/sign"[^>]*>([\s\S]*?)<\/form>/.exec(preview.body)?.[1] ?? ''
    const hidden = [...signing.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
    const fields = Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, value]))
    t.equal((await own.post(`${page}/sign`, { ...fields, name: 'Ana' })).status, 303)
    const reading = { hearts: await read('8867-4'), steps: await read('55423-8') }
    t.strictSame(counted, reading, `${timezone} ${JSON.stringify(lines)}`)
    most = Math.max(most, reading.hearts + reading.steps)
  }
  t.ok(most > 20, 'there is something to count')
})

t.test('data of another record of the same human counts as well, from the bands of both', async t => {
  const { browser: own, patient } = await arrived('Cleo')
  const before = await create(lab.manager, {
    resourceType: 'Patient',
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  for (const { id } of [patient, before]) {
    const subject = { reference: `Patient/${id}` }
    const device = await create('everything', {
      resourceType: 'Device',
      patient: subject,
      parent: { reference: `Device/${band}` },
    })
    await create('everything', {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: systems.loinc, code: '8867-4' }] },
      subject,
      device: { reference: `Device/${device.id}` },
      effectiveDateTime: '2026-03-08T12:00:00Z',
    })
  }
  const { entry } = (await send('everything', 'GET', `Person?patient=Patient/${patient.id}`)).json()
  const person = entry[0].resource
  const link = [...person.link, { target: { reference: `Patient/${before.id}` } }]
  await send('everything', 'PUT', `Person/${person.id}`, { ...person, link })
  const preview = await own.send(page, { [hearts]: 'yes', [steps]: 'no', [`${hearts}-from`]: '2026-01-01' }, page)
  t.match(preview.body, /So far there are 2 readings/)
})

t.test('of two lines for one kind each counts its own days', async t => {
  const asked = studyAnew((await send('everything', 'GET', `ResearchStudy/${study.id}`)).json())
  const ofBand = asked.extension.find(({ url }) => url === extensions.requestedData)
  const both = {
    url: extensions.requestedData,
    extension: (ofBand?.extension ?? []).filter(({ url }) => url !== 'source'),
  }
  const twice = await create(lab.manager, { ...asked, title: 'Twice', extension: [both, ...asked.extension] })
  const { browser: own, patient } = await arrived('Dora')
  await world.enrol(patient.id, twice.id)
  for (const day of ['2026-03-01', '2026-03-02', '2026-03-08'])
    await create('everything', {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: systems.loinc, code: '8867-4' }] },
      subject: { reference: `Patient/${patient.id}` },
      device: { reference: `Device/${band}` },
      effectiveDateTime: `${day}T12:00:00Z`,
    })
  const any = 'omh:heart-rate@any'
  const choice = { [any]: 'yes', [`${any}-from`]: '2026-03-05', [hearts]: 'yes', [`${hearts}-from`]: '2026-03-01' }
  const days = { [`${hearts}-until`]: '2026-03-02', [steps]: 'no' }
  const preview = await own.send(`/sharing/${twice.id}`, { ...choice, ...days })
  t.match(
    wordsOf(preview),
    /any device: measured from 5 March 2026 \(UTC\)\. So far there is 1 reading .* until 2 March 2026 \(UTC\)\. So far there are 2 readings /,
  )
})

t.test('counting leaves nothing behind but the record of what was read', async t => {
  const { browser: own, patient } = await arrived('Bea')
  const lastRecord = sql.fragment`SELECT coalesce(max(id), 0)::text AS last FROM audit_record`
  const { last } = await database.one<{ last: string }>(lastRecord)
  const preview = await own.send(page, { [hearts]: 'yes', [steps]: 'no', [`${hearts}-from`]: '2026-01-01' }, page)
  t.match(preview.body, /So far there are 0 readings/)
  const recorded = await database.any<{ interaction: string; type: string }>(
    sql.fragment`SELECT DISTINCT interaction, type FROM audit_record WHERE id > ${last}::bigint`,
  )
  t.ok(
    recorded.some(({ interaction, type }) => interaction === 'search-type' && type.split(' ').includes('Observation')),
  )
  t.notOk(recorded.some(({ interaction }) => ['create', 'update', 'transaction', 'batch'].includes(interaction)))
  for (const query of [`Consent?patient=Patient/${patient.id}`, `Provenance?patient=Patient/${patient.id}`])
    t.same((await send('everything', 'GET', query)).json().entry ?? [], [], query)
  t.same(
    await database.any(sql.fragment`SELECT FROM study_group_observation_consents WHERE patient_id = (
    SELECT patient_id FROM patient_compartment WHERE id = ${patient.id})`),
    [],
  )
})
