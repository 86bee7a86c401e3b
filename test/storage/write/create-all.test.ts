import type { Bundle, BundleEntry, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { ownerSystem } from '../../../src/access/owner.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openStudies } from '../../support/study.ts'

const { server, database, send, institution } = await openStudies()
t.teardown(() => server.close())

const post = (resource: Resource, fullUrl?: string): BundleEntry => ({
  ...(fullUrl === undefined ? {} : { fullUrl }),
  resource,
  request: { method: 'POST', url: resource.resourceType },
})
const sendBundle = async (bearer: string, type: Bundle['type'], entry: readonly BundleEntry[]): Promise<Bundle> =>
  (await send(bearer, 'POST', '', { resourceType: 'Bundle', type, entry })).json()
const statuses = ({ entry = [] }: Bundle) => entry.map(({ response }) => response?.status)
/** Each write after a savepoint has a transaction number of its own. */
const writings = async (table: string): Promise<number> =>
  (
    await database.one<{ count: number }>(
      sql.fragment`SELECT count(DISTINCT xmin::text)::integer AS count FROM ${sql.identifier([table])}`,
    )
  ).count

const patient = (family: string): Resource => ({ resourceType: 'Patient', name: [{ family }] })
const condition = (subject: string, text: string): Resource => ({
  resourceType: 'Condition',
  code: { text },
  subject: { reference: subject },
})

t.test('creates of a Bundle are written as sets, one statement for each type', async t => {
  const urn = (index: number) => `urn:uuid:00000000-0000-4000-8000-${String(index).padStart(12, '0')}`
  const entries = Array.from({ length: 100 }, (_, index) => [
    post(patient(`p${index}`), urn(index)),
    post(condition(urn(index), `c${index}`)),
  ]).flat()
  const bundle = await sendBundle('everything', 'transaction', entries)
  t.strictSame(new Set(statuses(bundle)), new Set(['201 Created']))
  t.strictSame([await writings('patient'), await writings('condition')], [1, 1])
  const [first, second] = bundle.entry ?? []
  const read = async (entry: BundleEntry | undefined) =>
    (await send('everything', 'GET', entry?.response?.location?.replace(/^.*\/fhir\//, '') ?? '')).json()
  const [ann, ill] = [await read(first), await read(second)]
  t.match([ann.name, ill.code, ill.subject.reference], [[{ family: 'p0' }], { text: 'c0' }, `Patient/${ann.id}`])
  const found = await send('everything', 'GET', 'Condition?patient.name=p42')
  t.strictSame(
    found.json().entry.map(({ resource }: { resource: { code: object } }) => resource.code),
    [{ text: 'c42' }],
  )
})

t.test('if one of them may not be written, the others are, and each is answered in its place', async t => {
  const { organization, manager } = await institution('clinic')
  const own = (family: string): Resource =>
    ({
      ...patient(family),
      managingOrganization: { reference: `Organization/${organization}` },
    }) as Resource
  const made = await sendBundle(manager, 'batch', [post(own('mine')), post(own('too'))])
  const mine = made.entry?.[0]?.response?.location?.replace(/^.*\/fhir\/|\/_history.*$/g, '') ?? ''
  const foreign = (await send('everything', 'POST', 'Patient', patient('foreign'))).json()
  const batch = await sendBundle(manager, 'batch', [
    post(condition(mine, 'one')),
    post(condition(`Patient/${foreign.id}`, 'two')),
    post(own('third')),
    post(condition(mine, 'four')),
    { request: { method: 'GET', url: 'Condition?code:text=four' } },
  ])
  t.strictSame(statuses(batch), ['201 Created', '403 Forbidden', '201 Created', '201 Created', '200 OK'])
  const outcome = batch.entry?.[1]?.response?.outcome
  t.match(outcome, {
    issue: [
      {
        code: 'forbidden',
        diagnostics: /^This token may not write this Condition: the patient whom it is about writes it, or /,
      },
    ],
  })
})

t.test('a set that is refused as a whole is written one by one', async t => {
  const owner = ownerSystem
  const tagged = (family: string, organization: string): Resource =>
    ({
      ...patient(family),
      meta: { tag: [{ system: owner, code: organization }] },
    }) as Resource
  const known = (await send('everything', 'POST', 'Organization', { resourceType: 'Organization', name: 'x' })).json()
    .id
  const batch = await sendBundle('everything', 'batch', [
    post(tagged('right', known)),
    post(tagged('wrong', 'nowhere')),
    post(patient('plain')),
  ])
  t.strictSame(statuses(batch), ['201 Created', '422 Unprocessable Entity', '201 Created'])
})
