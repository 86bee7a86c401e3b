import t from 'tap'
import { fullAccess } from '../../../src/access/access.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import { openStores } from '../../../src/storage/open-stores.ts'
import { sql } from '../../../src/storage/sql.ts'
import { heartRate, upload } from '../../mhealth/upload.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

const { server, database } = await fhirWorld()
t.teardown(() => server.close())
const headers = { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' }
const send = (method: 'POST' | 'PUT', url: string, body: unknown, more: object = {}) =>
  server.inject({ method, url: `/fhir${url}`, headers: { ...headers, ...more }, payload: JSON.stringify(body) })
await send('PUT', '/Patient/ann', { resourceType: 'Patient', id: 'ann' })

/** Each measured a second after the one before it. */
const document = (uuid: string, value: unknown = 64) => {
  const moment = { date_time: `2026-03-01T07:30:0${uuid.slice(-1)}+01:00` }
  const { header, body } = heartRate(value, { effective_time_frame: moment })
  return upload({ header: { ...header, uuid }, body })
}
const [first, second] = ['0a6f3c1e-5b7d-4c2a-9e8f-000000000001', '0a6f3c1e-5b7d-4c2a-9e8f-000000000002']
type Answer = { readonly response: { readonly status: string; readonly location: string; readonly outcome?: object } }
const batch = async (...resources: readonly object[]): Promise<readonly Answer[]> => {
  const entry = resources.map(resource => ({ resource, request: { method: 'POST', url: 'Observation' } }))
  return (await send('POST', '', { resourceType: 'Bundle', type: 'batch', entry })).json().entry
}
const statuses = (entries: readonly Answer[]) => entries.map(({ response }) => response.status.slice(0, 3))
const locations = (entries: readonly Answer[]) => entries.map(({ response }) => response.location)

t.test('a Bundle that is sent again creates nothing, and answers where everything is', async t => {
  const sent = await batch(document(first), document(second))
  const again = await batch(document(first), document(second))
  t.same(
    [statuses(sent), statuses(again)],
    [
      ['201', '201'],
      ['200', '200'],
    ],
  )
  t.same(locations(again), locations(sent))
})

t.test('a changed document with the same uuid is version 2', async t => {
  const [changed] = await batch(document(first, 65))
  t.equal(changed?.response.status, '200 OK')
  t.match(changed?.response.location, /_history\/2$/)
})

t.test('a document that its schema refuses is reported at its own entry', async t => {
  const [good, bad] = await batch(document(second), document('0a6f3c1e-5b7d-4c2a-9e8f-000000000003', 'fast'))
  t.match(good?.response.status, /^200/)
  t.match(bad?.response, { status: /^422/, outcome: { resourceType: 'OperationOutcome' } })
})

t.test('an Observation is found by the code in any spelling', async t => {
  for (const code of ['omh:heart-rate', 'omh:heart-rate:2.0', 'http://loinc.org|8867-4']) {
    const url = `/fhir/Observation?patient=ann&code=${encodeURIComponent(code)}&_total=accurate`
    t.equal((await server.inject({ url, headers })).json().total, 2, code)
  }
})

t.test('an upload has one Provenance, of what it brought and not of what existed', async t => {
  const [third, fourth] = ['0a6f3c1e-5b7d-4c2a-9e8f-000000000004', '0a6f3c1e-5b7d-4c2a-9e8f-000000000005']
  const sent = await batch(document(third), document(second), document(fourth), document(fourth, 'fast'))
  const [one = '', known = '', two = ''] = locations(sent).map(location => location?.split('/').at(-3))
  const of = async (id: string) =>
    (await server.inject({ url: `/fhir/Provenance?target=Observation/${id}`, headers })).json().entry ?? []
  const [{ resource }, ...others] = await of(one)
  t.strictSame(others, [])
  t.strictSame(await of(two), await of(one))
  t.strictSame((await of(known)).length, 1, 'only of the upload that brought it')
  const { id, meta, recorded, entity, ...said } = resource
  t.match(id, /^upload-/)
  t.strictSame(meta, { versionId: '1', lastUpdated: recorded })
  t.strictSame(said, {
    resourceType: 'Provenance',
    target: [{ reference: `Observation/${one}` }, { reference: `Observation/${two}` }],
    activity: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle', code: 'receive' }] },
    agent: [
      {
        type: {
          coding: [
            {
              system: 'http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type',
              code: 'transmitter',
            },
          ],
        },
        who: { identifier: { system: 'https://sharewell.dev/fhir/client', value: 'importer' } },
      },
    ],
  })
  t.match(entity, [{ role: 'source', what: { identifier: { system: 'https://sharewell.dev/fhir/upload' } } }])
  await batch(document(third), document(fourth))
  t.strictSame((await of(one)).length, 1, 'sent again it brings nothing')
  await batch(document(third, 70))
  t.strictSame((await of(one)).length, 2, 'a change has one as well')
  t.equal((await send('PUT', `/Provenance/${id}`, { ...resource, recorded: '2020-01-01T00:00:00Z' })).statusCode, 403)
  await server.inject({ method: 'DELETE', url: `/fhir/Observation/${one}`, headers })
  t.strictSame(await of(one), [])
  t.match((await server.inject({ url: `/fhir/Provenance/${id}`, headers })).json(), {
    target: [{ reference: `Observation/${two}` }],
  })
  await server.inject({ method: 'DELETE', url: `/fhir/Observation/${two}`, headers })
  const left = (await server.inject({ url: `/fhir/Provenance/${id}`, headers })).json()
  t.strictSame(left.target, [{ display: 'Nothing that it brought can be shown' }], 'FHIR wants one')
})

/** As if `count` uploads had changed the Observation, before everything that is stored or after. */
const broughtAgain = async (observation: string, count: number, when: 'before' | 'after'): Promise<void> => {
  await database.run(sql.fragment`
    WITH made AS (
      INSERT INTO provenance (patient_id, pk, id, version, last_updated, author, tokens, content)
      SELECT patient_id, ${when === 'after' ? 1 : -1} * nextval('resource_pk'), gen_random_uuid(), 1, now(), author, tokens, content
      FROM (SELECT * FROM provenance WHERE id LIKE 'upload-%' ORDER BY pk LIMIT 1) AS first, generate_series(1, ${count})
      RETURNING patient_id, pk
    )
    INSERT INTO upload_target (patient_id, pk, observation)
    SELECT made.patient_id, made.pk, observation.pk FROM made, observation WHERE observation.id = ${observation}`)
  await database.run(sql.fragment`ANALYZE provenance, upload_target`)
}

t.test('for an Observation that very many uploads changed, a page is read in order, and no further', async t => {
  const uuids = ['6', '7'].map(digit => `0a6f3c1e-5b7d-4c2a-9e8f-00000000000${digit}`)
  const sent = locations(await batch(...uuids.map(uuid => document(uuid))))
  const [many = '', few = ''] = sent.map(location => location.split('/').at(-3))
  await broughtAgain(many, 5000, 'before')
  await broughtAgain(few, 5, 'before')
  const written = {
    resourceType: 'Provenance',
    target: [{ reference: `Observation/${many}` }],
    recorded: '2026-03-01T00:00:00Z',
    agent: [{ who: { reference: 'Patient/ann' } }],
  }
  const { id: own } = (await send('POST', '/Provenance', written)).json()
  await broughtAgain(many, 10, 'after')

  type Page = { readonly entry?: readonly Entry[]; readonly link: readonly { relation: string; url: string }[] }
  type Entry = { readonly fullUrl?: string }
  const pagesOf = async (query: string) => {
    const pages: (readonly (string | undefined)[])[] = []
    for (let url: string | undefined = `/fhir/${query}`; url !== undefined; ) {
      const { entry = [], link }: Page = (await server.inject({ url, headers })).json()
      pages.push(entry.map(({ fullUrl }) => fullUrl?.split('/').at(-1)))
      url = link.find(({ relation }) => relation === 'next')?.url.replace(/^.*\/fhir/, '/fhir')
    }
    return pages
  }
  const inOrder = await database.any<{ id: string }>(sql.fragment`
    SELECT id FROM provenance
    WHERE id = ${own} OR pk IN (SELECT pk FROM upload_target WHERE observation = (SELECT pk FROM observation WHERE id = ${many}))
    ORDER BY pk DESC`)
  const pages = await pagesOf(`Provenance?target=Observation/${many}&_count=1000`)
  t.strictSame(
    pages.flat(),
    inOrder.map(({ id }) => id),
  )
  t.equal(pages[0]?.indexOf(own), 10, 'the one that somebody wrote is in its place among them')
  const total = async (target: string, kind: string) => {
    const url = `/fhir/Provenance?target=${target}&_total=${kind}&_summary=count`
    return (await server.inject({ url, headers })).json().total
  }
  t.equal(await total(many, 'accurate'), 5012)
  t.equal(await total(many, 'estimate'), 5012)
  t.equal(await total(`${many},${few}`, 'accurate'), 5017, 'an upload of both is found once')
  t.equal(await total(`${few}&recorded=lt2000-01-01`, 'accurate'), 0, 'what else is asked narrows them')
  const [along] = await pagesOf(`Observation?_id=${many}&_revinclude=Provenance:target`)
  t.equal(along?.length, 1 + 1000 + 1, 'the most that are included, and that they are not all')

  const [registry, classes] = [loadRegistry(), openCodeClasses()]
  const stores = await openStores({ database, dictionaryConnection: database, registry, classes })
  const author = { kind: 'client' as const, id: 'importer' }
  const store = stores({ access: fullAccess, author, organizations: [], choosesIds: false, choosesOwner: false })
  const query = new URLSearchParams({ target: `Observation/${many}` })
  const { statements } = await store.explain(parseSearch(registry, 'Provenance', query), 'plan')
  const way = wayTo('upload_target', statements[0]?.plan)
  t.match(way, /Limit.*Merge Append.*Index Only Scan$/)
  t.notMatch(way, /Limit.*(Sort|Hash|Materialize)/)
})

type Step = { readonly 'Node Type': string; readonly Alias?: string; readonly Plans?: readonly Step[] }

/** The steps of a plan, from the answer down to where the rows of the relation come from. */
const wayTo = (relation: string, plan: unknown): string => {
  const ways = (step: Step & { readonly 'Relation Name'?: string }): readonly string[] => {
    const { 'Node Type': own, 'Relation Name': name, Plans = [] } = step
    return name === relation ? [own] : Plans.flatMap(one => ways(one).map(way => `${own} ${way}`))
  }
  const [{ Plan: whole }] = plan as readonly [{ readonly Plan: Step }]
  return ways(whole).find(way => way.includes('Limit')) ?? ''
}
