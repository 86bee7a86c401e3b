import type { ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { startSession } from '../../src/storage/account/session.ts'
import { sql } from '../../src/storage/sql.ts'
import { point, upload } from '../mhealth/upload.ts'
import * as w from '../storage/model/world.ts'
import { openBrowser, type Shown } from '../support/browser.ts'
import * as facts from './facts.ts'
import { consentOf, openNoLeakWorld } from './world.ts'

/** A refused document is shown to nobody who could not read it if it had been accepted. */
const world = await openNoLeakWorld()
const { server, database, everything } = world
t.teardown(() => server.close())

/** Whoever leads a study reads it as its staff, and looks after what was refused. */
const leads = { open: 'collaborator', coded: 'keeper' } as const
for (const [id, practitioner] of Object.entries(leads)) {
  const study: ResearchStudy = JSON.parse((await everything('GET', `ResearchStudy/${id}`)).body)
  const others = (study.extension ?? []).filter(one => !JSON.stringify(one).includes(`Practitioner/${practitioner}`))
  await everything('PUT', `ResearchStudy/${id}`, {
    ...study,
    extension: [...others, w.works(practitioner, 'investigator')],
  })
}

/** The patient, the device, the day, and who looks after it. The dean manages the lab from above, and reads nothing. */
const rows = [
  ['ann', 'ann-acme', '2026-03-01', ['dean', 'collaborator']],
  ['ann', 'ann-acme', '2026-01-31', ['dean', 'collaborator']],
  ['bob', 'bob-acme', '2026-03-01', ['dean']],
  ['hal', undefined, '2026-03-01', ['dean', 'keeper']],
  ['jon', 'jon-acme', '2026-03-01', ['visitor']],
  ['pat', undefined, '2026-03-01', ['dean', 'collaborator']],
  ['pat-elsewhere', undefined, '2026-03-01', ['visitor', 'collaborator']],
] as const

type Row = (typeof rows)[number]

let uuids = 0
const heartRate = (day: string, value: unknown, header: object = {}) => {
  const time = { effective_time_frame: { date_time: `${day}T12:00:00Z` } }
  const uuid = `2a6f3c1e-5b7d-4c2a-9e8f-${String(++uuids).padStart(12, '0')}`
  return point('omh:heart-rate:2.0', { heart_rate: { value, unit: 'beats/min' }, ...time }, { uuid, ...header })
}
const observationOf = ([patient, device]: Row, document: unknown, more: object = {}) => ({
  ...upload(document, {
    subject: { reference: `Patient/${patient}` },
    device: device && { reference: `Device/${device}` },
  }),
  ...more,
})
const create = (observation: object) => everything('POST', 'Observation', observation)
const twinOf = async (row: Row, value: number, more: object = {}): Promise<string> =>
  JSON.parse((await create(observationOf(row, heartRate(row[2], value), more))).body).id
const asText = (text: string) => ({
  valueAttachment: { contentType: 'application/json', data: Buffer.from(text).toString('base64') },
})

/**
 * How a document was refused. One that says neither what it is nor of whom has no twin that anybody could read. Each is read as an Observation with
 * the same kind, source and time.
 */
const ways: Readonly<
  Record<string, { readonly isTold: boolean; readonly send: (row: Row, secret: string) => ReturnType<typeof create> }>
> = {
  'by a policy': { isTold: true, send: (row, secret) => create(observationOf(row, heartRate(row[2], secret))) },
  'as no JSON': {
    isTold: true,
    send: (row, secret) =>
      create(
        observationOf(row, heartRate(row[2], 1), {
          ...asText(`{"${secret}`),
          effectiveDateTime: `${row[2]}T12:00:00Z`,
        }),
      ),
  },
  'as no JSON of any kind': {
    isTold: false,
    send: (row, secret) =>
      create(observationOf(row, heartRate(row[2], 1), { ...asText(`{"${secret}`), code: { text: secret } })),
  },
  'as a contradiction': {
    isTold: true,
    send: (row, secret) => create(observationOf(row, heartRate(row[2], 71), { valueString: secret })),
  },
  'as of another patient': {
    isTold: false,
    send: (row, secret) => create(observationOf(row, heartRate(row[2], 71, { user_id: 'Patient/eve', secret }))),
  },
  'as an update': {
    isTold: true,
    send: async (row, secret) => {
      const id = await twinOf(row, 72)
      return everything('PUT', `Observation/${id}`, { ...observationOf(row, heartRate(row[2], secret)), id })
    },
  },
  'in a transaction': {
    isTold: true,
    send: (row, secret) =>
      everything('POST', '', {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [
          { resource: observationOf(row, heartRate(row[2], secret)), request: { method: 'POST', url: 'Observation' } },
        ],
      }),
  },
}

/**
 * Each is refused, with an accepted twin that is like it in everything that the gate looks at. All rows in the first way, one of them in all ways.
 */
const asked = Object.entries(ways).flatMap(([way, { isTold, send }], index) =>
  rows.flatMap(row => (index === 0 || row === rows[0] ? [{ way, isTold, send, row }] : [])),
)
const documents = await Promise.all(
  asked.map(async ({ way, isTold, send, row }, index) => {
    const secret = `secret-${index}-value`
    const refused = await send(row, secret)
    const id = /kept in quarantine as ([\da-f-]{36})/.exec(refused.body)?.[1] ?? refused.body
    const twin = await twinOf(row, 100 + index)
    return { id, secret, twin, keepers: row[3], patient: row[0], isTold, name: `${row[0]}, ${way}` }
  }),
)

let address = 1
const signedIn = async (practitioner: string) => {
  const browser = openBrowser(server, { remoteAddress: `10.9.0.${address++}` })
  const cookie = await startSession(database, { person: `person-${practitioner}`, methods: ['pwd'], device: 'Test' })
  browser.cookies.set('sharewell-session', cookie)
  return browser
}
/** A person for each of them; the two joined ones have one already. */
const accountOf = async (patient: string): Promise<string> => {
  const known = await database.maybeOne<{ person: string }>(sql.fragment`
    SELECT person FROM person_patient WHERE patient = ${patient} ORDER BY person LIMIT 1`)
  if (known !== undefined) return known.person
  const person = {
    resourceType: 'Person',
    id: `person-of-${patient}`,
    link: [{ target: { reference: `Patient/${patient}` } }],
  }
  await everything('PUT', `Person/${person.id}`, person)
  return person.id
}
const reads = async (practitioner: string, observation: string): Promise<boolean> => {
  const token = await world.token({ subject: { kind: 'user', person: `person-${practitioner}` }, scope: 'user/*.rs' })
  return (await world.call(token)('GET', `Observation/${observation}`)).status === 200
}
const anonymous = ({ status, body }: Shown) => [status, body.replace(/this number: [\w-]+/, '')]
const none = '00000000-0000-4000-8000-000000000000'

t.test('those who look after a document see it, and its content only if they could read its twin', async t => {
  for (const practitioner of facts.practitioners) {
    const browser = await signedIn(practitioner)
    const nothing = anonymous(await browser.get(`/quarantine/${none}`))
    for (const { id, secret, twin, keepers, isTold, name } of documents) {
      const shown = await browser.get(`/quarantine/${id}`)
      if (!keepers.some(one => one === practitioner))
        t.strictSame(anonymous(shown), nothing, `${practitioner}: ${name}`)
      else {
        t.equal(shown.status, 200, `${practitioner}: ${name}`)
        const isShown = isTold && (await reads(practitioner, twin))
        t.equal(shown.body.includes(secret), isShown, `${practitioner}: ${name}`)
      }
    }
  }
})

t.test('some who look after documents read some of them, and the dean none', async t => {
  const read = async (practitioner: string) =>
    Promise.all(documents.slice(0, rows.length).map(async ({ twin }) => ((await reads(practitioner, twin)) ? 1 : 0)))
  t.strictSame(await read('collaborator'), [1, 0, 0, 0, 0, 1, 1])
  t.strictSame(await read('keeper'), [0, 0, 0, 1, 0, 0, 0])
  t.strictSame(await read('visitor'), [0, 0, 0, 0, 1, 0, 0])
  t.strictSame(await read('dean'), [0, 0, 0, 0, 0, 0, 0])
})

const lists = [
  ...facts.studies.map(({ id }) => `/studies/${id}/quarantine`),
  ...['acme', '_unknown'].map(id => `/devices/${id}/quarantine`),
]

t.test('lists have only documents that their reader looks after, and say nothing of their content', async t => {
  for (const practitioner of facts.practitioners) {
    const browser = await signedIn(practitioner)
    const bodies: string[] = []
    for (const path of lists) bodies.push((await browser.get(path)).body)
    for (const body of bodies) t.notMatch(body, /secret-|Patient\/|\/patients\/\w/, practitioner)
    const named = bodies.flatMap(body => [...body.matchAll(/href="\/quarantine\/([^"]+)"/g)].map(([, id]) => id))
    const theirs = documents.filter(({ keepers }) => keepers.some(one => one === practitioner)).map(({ id }) => id)
    t.strictSame([...new Set(named)].toSorted(), theirs.toSorted(), practitioner)
  }
})

t.test('managers are shown what came from a source, only for patients of theirs', async t => {
  const told: Record<string, string> = {}
  for (const practitioner of facts.practitioners) {
    const { status, body } = await (await signedIn(practitioner)).get('/devices/acme/uploads')
    if (status === 200) told[practitioner] = /Nothing has been received yet/.test(body) ? 'nothing' : 'something'
    else t.equal(status, 404, practitioner)
  }
  t.strictSame(told, { dean: 'something', neighbour: 'nothing', visitor: 'something' })
})

t.test('the device of a patient is no source, also to a manager who may read it', async t => {
  const token = await world.token({ subject: { kind: 'user', person: 'person-visitor' }, scope: 'user/*.rs' })
  t.equal((await world.call(token)('GET', 'Device/jon-acme')).status, 200)
  const browser = await signedIn('visitor')
  for (const page of ['uploads', 'quarantine'])
    t.equal((await browser.get(`/devices/jon-acme/${page}`)).status, 404, page)
})

t.test('a form of somebody who does not look after it does nothing', async t => {
  for (const practitioner of ['registrar', 'researcher', 'neighbour', 'visitor']) {
    const browser = await signedIn(practitioner)
    const _csrf = /name="_csrf" value="([^"]*)"/.exec((await browser.get('/account')).body)?.[1] ?? ''
    for (const { id, keepers } of documents) {
      if (keepers.some(one => one === practitioner)) continue
      for (const action of ['replay', 'remove'])
        t.equal(
          (await browser.post(`/quarantine/${id}/${action}`, { _csrf })).status,
          404,
          `${practitioner}: ${action}`,
        )
    }
  }
})

t.test('patients see only their own, and the content if it is clear that it is theirs', async t => {
  for (const [patient] of facts.patients) {
    const browser = openBrowser(server, { remoteAddress: `10.9.0.${address++}` })
    const person = await accountOf(patient)
    browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
    const _csrf = /name="_csrf" value="([^"]*)"/.exec((await browser.get('/account')).body)?.[1] ?? ''
    const listed = (await browser.get(`/account/refused?record=${patient}`)).body
    t.notMatch(listed, 'secret-', patient)
    const isOf = (one: { readonly patient: string }) => facts.isOneHuman(one.patient, patient)
    t.strictSame(
      documents.filter(({ id }) => listed.includes(id)),
      documents.filter(isOf),
      `${patient}: the list`,
    )
    for (const one of documents) {
      const shown = await browser.get(`/account/refused/${one.id}`)
      t.equal(shown.status, isOf(one) ? 200 : 404, `${patient}: ${one.name}`)
      t.equal(shown.body.includes(one.secret), isOf(one) && one.isTold, `${patient}: ${one.name}`)
    }
    for (const { id } of documents.filter(one => !isOf(one)))
      await browser.post(`/account/refused/${id}/remove`, { _csrf })
  }
  const left = await database.any<{ state: string }>(sql.fragment`SELECT DISTINCT state FROM quarantined_document`)
  t.strictSame(left, [{ state: 'waiting' }], 'the form of somebody else removes nothing')
})

t.test('a consent that ends hides the document at once', async t => {
  const [{ id, secret } = { id: '', secret: '' }] = documents
  const browser = await signedIn('collaborator')
  t.match((await browser.get(`/quarantine/${id}`)).body, secret)
  const consent = facts.consents.find(({ patient, to }) => patient === 'ann' && to === 'ResearchStudy/open')
  if (consent === undefined) throw new Error('ann has no consent')
  await everything('PUT', 'Consent/consent-open-ann', consentOf({ ...consent, status: 'inactive' }))
  const shown = await browser.get(`/quarantine/${id}`)
  t.equal(shown.status, 200)
  t.notMatch(shown.body, secret)
})
