import { MedplumClient } from '@medplum/core'
import type { Bundle, Patient } from '@medplum/fhirtypes'
import { Client, type FhirResponse } from 'fhir-kit-client'
import t from 'tap'
import { fhirWorld } from '../support/fhir-server.ts'

/** Clients that others wrote, against a server that listens. */
const { server, token } = await fhirWorld({ PORT: '0' })
t.teardown(() => server.close())
const address = await server.listen({ port: 0, host: '127.0.0.1' })
const bearer = await token({ subject: { kind: 'client' }, scope: 'system/*.cruds', policies: ['everything'] })

type Page = FhirResponse & { link: { relation: string; url: string }[] }

/** What a call is refused with. */
const refusal = (call: PromiseLike<unknown>): PromiseLike<unknown> =>
  call.then(
    () => 'nothing',
    error => error,
  )

const patient = (family: string): Patient => ({ resourceType: 'Patient', name: [{ family }], gender: 'female' })
const batch = (...families: readonly string[]): Bundle => ({
  resourceType: 'Bundle',
  type: 'batch',
  entry: families.map(family => ({ resource: patient(family), request: { method: 'POST', url: 'Patient' } })),
})

t.test('fhir-kit-client reads, searches, pages, creates, updates and sends Bundles', async t => {
  const client = new Client({ baseUrl: `${address}/fhir`, bearerToken: bearer })
  t.match(await client.capabilityStatement(), { resourceType: 'CapabilityStatement', fhirVersion: '4.0.1' })

  const created = await client.create({ resourceType: 'Patient', body: { ...patient('Kit') } })
  const id = String(created.id)
  t.match(created, { resourceType: 'Patient', name: [{ family: 'Kit' }], meta: { versionId: '1' } })
  t.strictSame(await client.read({ resourceType: 'Patient', id }), created)

  const update = (version: string) =>
    client.update({
      resourceType: 'Patient',
      id,
      body: { ...created, gender: 'male' },
      options: { headers: { 'If-Match': `W/"${version}"` } },
    })
  t.match(await update('1'), { gender: 'male', meta: { versionId: '2' } })
  t.match(await refusal(update('1')), { response: { status: 412, data: { resourceType: 'OperationOutcome' } } })
  t.strictSame(await client.vread({ resourceType: 'Patient', id, version: '1' }), created)
  t.match(await client.history({ resourceType: 'Patient', id }), { type: 'history', total: 2 })

  const answer = await client.batch({ body: { ...batch('Page', 'Page', 'Page') } })
  t.match(answer, { type: 'batch-response', entry: Array(3).fill({ response: { status: '201 Created' } }) })
  const sizes: number[] = []
  let page: FhirResponse | undefined = await client.search({
    resourceType: 'Patient',
    searchParams: { family: 'page', _count: '2' },
  })
  while (page !== undefined) {
    sizes.push((page.entry as unknown[]).length)
    page = await client.nextPage({ bundle: page as Page })
  }
  t.strictSame(sizes, [2, 1])
  const first = await client.search({ resourceType: 'Patient', searchParams: { family: 'page', _count: '2' } })
  const last = (await client.nextPage({ bundle: first as Page })) as Page
  const back = await client.prevPage({ bundle: last })
  t.strictSame(back?.entry, first.entry, 'and back again')

  const doctor = await client.create({ resourceType: 'Practitioner', body: { resourceType: 'Practitioner' } })
  const seen = { ...patient('Seen'), generalPractitioner: [{ reference: `Practitioner/${doctor.id}` }] }
  await client.create({ resourceType: 'Patient', body: seen })
  const included = await client.search({
    resourceType: 'Patient',
    searchParams: { family: 'seen', _include: 'Patient:general-practitioner', _elements: 'name' },
  })
  t.match(included.entry, [
    { search: { mode: 'match' }, resource: { name: [{ family: 'Seen' }], meta: { tag: [{ code: 'SUBSETTED' }] } } },
    { search: { mode: 'include' }, resource: doctor },
  ])
  const posted = await client.search({
    resourceType: 'Patient',
    searchParams: { family: 'page' },
    options: { postSearch: true },
  })
  t.equal((posted.entry as unknown[]).length, 3)

  await client.delete({ resourceType: 'Patient', id })
  t.match(await refusal(client.read({ resourceType: 'Patient', id })), { response: { status: 410 } })
})

t.test('MedplumClient reads, searches, pages, creates, updates and sends Bundles', async t => {
  const client = new MedplumClient({ baseUrl: address, fhirUrlPath: 'fhir', fetch, cacheTime: 0 })
  client.setAccessToken(bearer)

  const created = await client.createResource(patient('Plum'))
  t.match(created, { resourceType: 'Patient', name: [{ family: 'Plum' }], meta: { versionId: '1' } })
  t.strictSame(await client.readResource('Patient', created.id), created)

  const changed = { ...created, gender: 'male' as const }
  const ifMatch = { headers: { 'If-Match': 'W/"1"' } }
  t.match(await client.updateResource(changed, ifMatch), { gender: 'male', meta: { versionId: '2' } })
  t.match(await refusal(client.updateResource(changed, ifMatch)), { outcome: { issue: [{ code: 'conflict' }] } })
  t.equal((await client.readHistory('Patient', created.id)).entry?.length, 2)
  t.match(await client.readVersion('Patient', created.id, '1'), { gender: 'female' })
  const again = await client.createResourceIfNoneExist(patient('Plum'), `_id=${created.id}`)
  t.equal(again.id, created.id)

  const answer = await client.executeBatch(batch('Leaf', 'Leaf', 'Leaf'))
  t.match(answer, { type: 'batch-response', entry: Array(3).fill({ response: { status: '201 Created' } }) })
  const sizes: number[] = []
  for await (const page of client.searchResourcePages('Patient', 'family=leaf&_count=2')) sizes.push(page.length)
  t.strictSame(sizes, [2, 1])
  t.equal((await client.searchResources('Patient', { family: 'leaf' })).length, 3)

  await client.deleteResource('Patient', created.id)
  t.match(await refusal(client.readResource('Patient', created.id)), { outcome: { issue: [{ code: 'deleted' }] } })
  t.match(await refusal(client.searchResources('Patient', 'colour=red')), {
    outcome: { issue: [{ expression: ['colour'] }] },
  })
})
