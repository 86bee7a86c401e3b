import t from 'tap'
import { systems } from '../../src/fhir/canonical.ts'
import { bodySchemas } from '../../src/mhealth/schema/table.ts'
import { point, upload } from '../mhealth/upload.ts'
import { sampleBody } from '../support/sample-body.ts'
import { openStudies } from '../support/study.ts'

const world = await openStudies()
t.teardown(() => world.server.close())

/** Each kind, by the name of its oldest version. */
const versionsByName = Map.groupBy(
  bodySchemas.flatMap(row => row.versions.map(version => ({ row, version }))),
  ({ row }) => row.name,
)
const kinds = [...versionsByName].map(([name, [first]]) => `${name}:${first?.version}`)
const anyMinor = [...versionsByName].flatMap(([, all]) => {
  const last = all.at(-1)
  return last === undefined ? [] : [{ ...last, said: `${last.version.split('.')[0]}.x` }]
})
const documents = [...[...versionsByName.values()].flat().map(one => ({ ...one, said: one.version })), ...anyMinor].map(
  ({ row, version, said }, index) => {
    const id = `${row.name}:${said}`
    const system = row.name.startsWith('ieee:') ? systems.ieee : systems.omh
    const header = {
      uuid: `0a6f3c1e-5b7d-4c2a-9e8f-${String(index).padStart(12, '0')}`,
      acquisition_provenance: { source_name: id },
    }
    const body = sampleBody(row, version) as object
    const sent = upload(point(id, body, header), { code: { coding: [{ system, code: id }] } })
    return { id, sent, isTimed: 'effective_time_frame' in body }
  },
)

t.test('a study that asks for a kind, with one version of its schema, gets every version of it', async t => {
  const { send, institution, study, participant, patientToken, staffToken, pages } = world
  const { organization, manager } = await institution('lab')
  const asking = await study(manager, organization, 'Everything', kinds)
  const ann = await participant(manager, organization, asking.id, kinds, 'Ann')
  const researcher = await staffToken(asking.researcher, 'user/Observation.rs')
  const entry = documents.map(({ sent }) => ({
    resource: { ...sent, subject: { reference: `Patient/${ann}` } },
    request: { method: 'POST', url: 'Observation' },
  }))
  const app = await patientToken(ann, 'patient/*.cruds')
  const answered = (await send(app, 'POST', '', { resourceType: 'Bundle', type: 'batch', entry })).json()
  t.strictSame(
    answered.entry.map(({ response }: Answer, index: number) => `${documents[index]?.id} ${response.status}`),
    documents.map(({ id }) => `${id} 201 Created`),
  )
  const found = await pages(researcher, 'Observation?_count=1000')
  const seen = new Set(found.map(({ resource }) => resource.id))
  const unseen = answered.entry.flatMap(({ response }: Answer, index: number) =>
    seen.has(response.location.split('/').at(-3)) ? [] : [documents[index]?.id],
  )
  const timeless = documents.filter(({ isTimed }) => !isTimed).map(({ id }) => id)
  t.strictSame(unseen, timeless, 'except data without a time, which no period covers')
})

type Answer = { readonly response: { readonly status: string; readonly location: string } }
