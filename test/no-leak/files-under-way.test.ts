import { setTimeout as sleep } from 'node:timers/promises'
import type { ResearchStudy, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { registerClient } from '../../src/storage/authorization/client.ts'
import type { TokenRequest } from '../../src/storage/authorization/token.ts'
import { readSlowly } from '../support/slow-reader.ts'
import { clients } from './callers.ts'
import { heartRate } from './facts.ts'
import { openNoLeakWorld } from './world.ts'

const world = await openNoLeakWorld()
t.teardown(() => world.server.close())
t.setTimeout(280_000)
for (const client of clients) await registerClient(world.database, { name: client.id, ...client })
const address = await world.server.listen({ port: 0, host: '127.0.0.1' })

/** Three pages, of which the second is read ahead: a page is larger than the buffers between server and client. */
const months = [500, 500, 500, 500, 200]
for (const [month, length] of months.entries()) {
  const entry = Array.from({ length }, (_, minute) => ({
    request: { method: 'POST', url: 'Observation' },
    resource: {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'https://w3id.org/openmhealth', code: heartRate }] },
      subject: { reference: 'Patient/pat' },
      effectiveDateTime: new Date(Date.UTC(2026, 4 + month, 1, 0, minute)).toISOString(),
      valueString: month < months.length - 1 ? 'secret-early' : 'secret-late',
      note: [{ text: 'long '.repeat(2400) }],
    },
  }))
  await world.everything('POST', '', { resourceType: 'Bundle', type: 'batch', entry })
}

type Asked = Pick<TokenRequest, 'subject' | 'scope'> & Partial<TokenRequest>

const user = (person: string): Asked => ({ subject: { kind: 'user', person }, scope: 'user/*.rs' })
const readers: Readonly<Record<string, Asked>> = {
  'who works at the organization': user('person-researcher'),
  'who collaborates': user('person-collaborator'),
  'the service of the organization': { subject: { kind: 'client' }, client: 'of-lab', scope: 'system/*.rs' },
  'the patient': user('person-pat'),
}

/** pat's heart rates, in the order of time, of which no more than the first pages are taken until the rest is. */
const begin = async (asked: Asked) => {
  const headers = { authorization: `Bearer ${await world.token(asked)}`, accept: 'application/fhir+ndjson' }
  const query = 'patient=Patient/pat&date=ge2026-05&_sort=date'
  return readSlowly(`${address}/fhir/Observation?${query}`, headers)
}

t.test('the whole file has what is late in it', async t => {
  for (const [name, asked] of Object.entries(readers)) {
    const { status, rest, text } = await begin(asked)
    await rest()
    t.equal(status, 200, name)
    t.equal(text().match(/secret-late/g)?.length, months.at(-1), name)
  }
})

type Loss = {
  readonly resource: string
  readonly change: (resource: Resource) => object
  readonly of: readonly string[]
  /** Cannot be taken back. */
  readonly isForGood?: true
}

const staff = ['who works at the organization', 'who collaborates', 'the service of the organization']
const losses: Readonly<Record<string, Loss>> = {
  'the consent allows another kind instead': {
    resource: 'Consent/consent-open-pat',
    change: consent => JSON.parse(JSON.stringify(consent).replaceAll(heartRate, 'omh:body-weight')),
    of: staff,
  },
  'the consent allows what is early no more, nor what is late': {
    resource: 'Consent/consent-open-pat',
    change: consent =>
      JSON.parse(JSON.stringify(consent).replaceAll('"start":"2026-02-01"', '"start":"2026-06-01","end":"2026-07-15"')),
    of: staff,
  },
  'the study is over': {
    resource: 'ResearchStudy/open',
    change: study => ({ ...study, status: 'completed' }),
    of: staff,
  },
  'they work there no more': {
    resource: 'PractitionerRole/researcher-lab',
    change: role => ({ ...role, period: { end: '2026-01-01' } }),
    of: ['who works at the organization'],
  },
  'their account is about another patient': {
    resource: 'Person/person-pat',
    change: person => ({ ...person, link: [{ target: { reference: 'Patient/ann' } }] }),
    of: ['the patient'],
  },
  'they collaborate no more': {
    resource: 'ResearchStudy/open',
    change: study => ({
      ...study,
      extension: (study as ResearchStudy).extension?.filter(one => !JSON.stringify(one).includes('collaborator')),
    }),
    of: ['who collaborates'],
    isForGood: true,
  },
  'the consent is withdrawn': {
    resource: 'Consent/consent-open-pat',
    change: consent => ({ ...consent, status: 'inactive' }),
    of: ['who works at the organization', 'the service of the organization'],
    isForGood: true,
  },
}

/** What was taken back is given again only by what is signed after that. */
const again = (before: Resource): Resource =>
  before.resourceType === 'Consent' ? { ...before, dateTime: new Date().toISOString() } : before

for (const [name, { resource, change, of, isForGood }] of Object.entries(losses))
  t.test(`a file under way gets no further, and does not look whole, once ${name}`, async t => {
    const files = await Promise.all(of.map(async reader => ({ reader, ...(await begin(readers[reader] as Asked)) })))
    const before: Resource = JSON.parse((await world.everything('GET', resource)).body)
    t.equal((await world.everything('PUT', resource, change(before))).status, 200)
    // It is asked no more than once a second who somebody is.
    await sleep(1100)
    for (const { reader, status, rest, text } of files) {
      await t.rejects(rest(), reader)
      t.equal(status, 200, reader)
      t.match(text(), /secret-early/, reader)
      t.notMatch(text(), /secret-late/, reader)
    }
    if (!isForGood) t.equal((await world.everything('PUT', resource, again(before))).status, 200)
  })
