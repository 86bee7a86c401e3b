import { MedplumClient } from '@medplum/core'
import type { Bundle, Patient } from '@medplum/fhirtypes'
import { Client, type FhirResponse } from 'fhir-kit-client'
import smart from 'fhirclient'
import t from 'tap'
import { fhirWorld } from '../support/fhir-server.ts'

/** Unmodified clients of others, against a server that listens. */
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

/** A Patient and an Observation that refers to it by its name in the Bundle. */
const transaction = (family: string): Bundle => ({
  resourceType: 'Bundle',
  type: 'transaction',
  entry: [
    {
      resource: {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
        subject: { reference: 'urn:uuid:5c2f8f0e-58f4-4d5a-a4a5-5f6a2f6f1a77' },
      },
      request: { method: 'POST', url: 'Observation' },
    },
    {
      fullUrl: 'urn:uuid:5c2f8f0e-58f4-4d5a-a4a5-5f6a2f6f1a77',
      resource: patient(family),
      request: { method: 'POST', url: 'Patient', ifNoneExist: `family=${family}` },
    },
  ],
})
const bothCreated = { type: 'transaction-response', entry: Array(2).fill({ response: { status: '201 Created' } }) }
const toOther = [{ op: 'replace' as const, path: '/gender', value: 'other' }]

t.test('fhir-kit-client reads, searches, pages, creates, updates, patches and sends Bundles', async t => {
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
  t.has(await update('1'), { gender: 'male', meta: { versionId: '2' } })
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

  t.match(await client.patch({ resourceType: 'Patient', id, jsonPatch: toOther }), {
    gender: 'other',
    meta: { versionId: '3' },
  })
  t.match(
    await refusal(
      client.patch({ resourceType: 'Patient', id, jsonPatch: [{ op: 'replace', path: '/x/y', value: 1 }] }),
    ),
    {
      response: { status: 422, data: { resourceType: 'OperationOutcome' } },
    },
  )
  t.match(await client.transaction({ body: { ...transaction('Kin') } }), bothCreated)
  t.match(await client.search({ resourceType: 'Observation', searchParams: { 'patient.family': 'kin' } }), {
    entry: [{ resource: { resourceType: 'Observation', subject: { reference: /^Patient\/[\w-]+$/ } } }],
  })

  await client.delete({ resourceType: 'Patient', id })
  t.match(await refusal(client.read({ resourceType: 'Patient', id })), { response: { status: 410 } })
})

t.test('MedplumClient reads, searches, pages, creates, updates, patches and sends Bundles', async t => {
  const client = new MedplumClient({ baseUrl: address, fhirUrlPath: 'fhir', fetch, cacheTime: 0 })
  client.setAccessToken(bearer)

  const created = await client.createResource(patient('Plum'))
  t.match(created, { resourceType: 'Patient', name: [{ family: 'Plum' }], meta: { versionId: '1' } })
  t.strictSame(await client.readResource('Patient', created.id), created)

  const changed = { ...created, gender: 'male' as const }
  const ifMatch = { headers: { 'If-Match': 'W/"1"' } }
  t.has(await client.updateResource(changed, ifMatch), { gender: 'male', meta: { versionId: '2' } })
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

  t.match(await client.patchResource('Patient', created.id, toOther), { gender: 'other', meta: { versionId: '3' } })
  t.match(await refusal(client.patchResource('Patient', created.id, [{ op: 'remove', path: '/nothing' }])), {
    outcome: { issue: [{ diagnostics: /\/nothing/ }] },
  })
  t.match(await client.executeBatch(transaction('Plumage')), bothCreated)
  const found = await client.search('Observation', 'patient.family=plumage&_include=Observation:subject')
  t.match(found.entry, [
    { search: { mode: 'match' }, resource: { resourceType: 'Observation' } },
    { search: { mode: 'include' }, resource: { name: [{ family: 'Plumage' }] } },
  ])

  await client.deleteResource('Patient', created.id)
  t.match(await refusal(client.readResource('Patient', created.id)), { outcome: { issue: [{ code: 'deleted' }] } })
  t.match(await refusal(client.searchResources('Patient', 'colour=red')), {
    outcome: { issue: [{ expression: ['colour'] }] },
  })
})

t.test('SMART’s fhirclient reads, searches, pages, creates, updates, patches and sends Bundles', async t => {
  const request = { url: '/', headers: { host: 'app.example.org' } } as never
  const api = smart(
    request,
    {} as never,
    { get: async () => {}, set: async () => {}, unset: async () => false } as never,
  )
  const [owner] = (
    await (await fetch(`${address}/fhir/Patient?_count=1`, { headers: { authorization: `Bearer ${bearer}` } })).json()
  ).entry
  const client = api.client({
    serverUrl: `${address}/fhir`,
    tokenResponse: { access_token: bearer, patient: owner.resource.id },
  })
  t.same(await client.patient.read(), owner.resource, 'the patient of the launch')

  const created = await client.create({ ...patient('Smart') } as never)
  const path = `Patient/${created.id}`
  t.match(created, { name: [{ family: 'Smart' }], meta: { versionId: '1' } })
  t.same(await client.request(path), created)
  t.has(await client.update({ ...created, gender: 'male' } as never), { gender: 'male', meta: { versionId: '2' } })
  t.match(await client.patch(path, toOther), { gender: 'other', meta: { versionId: '3' } })
  t.match(await refusal(client.patch(path, [{ op: 'remove', path: '/nothing' }])), { status: 422 })

  const send = (body: Bundle) =>
    client.request({
      url: '',
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/fhir+json' },
    })
  t.match(await send(batch('Twig', 'Twig', 'Twig')), { type: 'batch-response' })
  t.match(await send(transaction('Smartling')), bothCreated)

  const pages: unknown[] = []
  await client.request('Patient?family=twig&_count=2', {
    pageLimit: 0,
    onPage: page => void pages.push((page as unknown as Bundle).entry?.length),
  })
  t.same(pages, [2, 1])
  t.equal((await client.request('Patient?family=twig&_count=2', { pageLimit: 0, flat: true })).length, 3)
  const [observation] = await client.request('Observation?patient.family=smartling', {
    flat: true,
    resolveReferences: 'subject',
  })
  t.match(observation, { subject: { name: [{ family: 'Smartling' }] } }, 'a reference is resolved')
  t.match(await client.request('Observation?patient.family=smartling&_include=Observation:subject'), {
    entry: [{ search: { mode: 'match' } }, { search: { mode: 'include' } }],
  })

  await client.delete(path)
  t.match(await refusal(client.request(path)), { status: 410 })
  t.match(await refusal(client.request('Patient?colour=red')), {
    status: 400,
    message: /colour.* is no search parameter/,
  })
})
