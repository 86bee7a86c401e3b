import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { buildApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { openLog } from '../../src/events/log.ts'
import { kindValueSetUrl } from '../../src/fhir/measured/kind-value-set.ts'
import { isEmpty } from '../../src/storage/installation/is-stored.ts'
import { fhirWorld } from '../support/fhir-server.ts'

const { server, database, url, token } = await fhirWorld()
t.teardown(() => server.close())
const start = async (databaseUrl = url) => {
  const faults: string[] = []
  const config = readConfig({ LOG_LEVEL: 'silent' })
  const log = openLog(config.logLevel)
  log.error = (fault: unknown) => void faults.push(`${fault}`)
  const app = await buildApp({ config, log, databaseUrl, secretKey: Buffer.alloc(32, 7), publishes: true })
  await app.close()
  if (faults.length > 0) throw new Error(faults.join(', '))
}

type Definition = { readonly resourceType: string; readonly id: string; readonly url: string; readonly title?: string }

const folder = join(import.meta.dirname, '..', '..', 'fhir-profiles')
const files: readonly Definition[] = await Promise.all(
  (await readdir(folder)).map(async file => JSON.parse(await readFile(join(folder, file), 'utf8'))),
)
const call = async (
  method: 'GET' | 'PUT' | 'POST',
  path: string,
  payload?: object,
  authorization = 'Bearer everything',
) =>
  (
    await server.inject({ method, url: `/fhir/${path}`, headers: { authorization }, ...(payload && { payload }) })
  ).json()
const byUrl = async ({ resourceType, url }: Pick<Definition, 'resourceType' | 'url'>, as?: string) =>
  ((await call('GET', `${resourceType}?url=${encodeURIComponent(url)}`, undefined, as)).entry ?? []).map(
    ({ resource }: { readonly resource: object }) => resource,
  )
const series = files.find(({ id }) => id === 'Observation-series') as Definition
const study = files.find(
  ({ id, resourceType }) => id === 'study' && resourceType === 'StructureDefinition',
) as Definition
const mine = { ...study, id: 'our-study', title: 'Of the institution' }

t.test('before the first start nothing is published', async t => {
  t.strictSame(await byUrl(series), [])
  await call('PUT', `StructureDefinition/${mine.id}`, mine)
})

t.test('whoever comes across a URL of ours finds its definition, as in the file', async t => {
  await start()
  for (const file of files.filter(one => one !== study)) {
    const found = await byUrl(file)
    t.strictSame(
      found.map(({ meta: _, ...one }: { readonly meta: object }) => one),
      [file],
      file.url,
    )
  }
  const kind = { resourceType: 'ValueSet', url: kindValueSetUrl('omh:heart-rate') }
  t.match(await byUrl(kind), [{ title: 'Heart rate' }], 'and the codes of a kind')
  const checked = await call('POST', `OperationDefinition/${series.id}/$validate`, series)
  t.match(checked.issue, [{ severity: 'information' }])
})

t.test('for the demo, a database with only these counts as empty', async t => {
  t.equal(await isEmpty(database), true)
  await call('POST', 'Basic', { resourceType: 'Basic', code: { text: 'Something' } })
  t.equal(await isEmpty(database), false)
})

t.test('anybody with a token for the type can read them, and nobody without one', async t => {
  const { id } = await call('POST', 'Patient', { resourceType: 'Patient' })
  const own = await token({ subject: { kind: 'patient', patient: id }, scope: 'user/OperationDefinition.rs' })
  t.match(await byUrl(series, `Bearer ${own}`), [{ id: series.id }])
  const stranger = await server.inject({ url: `/fhir/OperationDefinition/${series.id}` })
  t.equal(stranger.statusCode, 401)
})

t.test('somebody else’s definition with such a URL counts, and ours is not added', async t => {
  t.match(await byUrl(study), [{ id: mine.id, title: mine.title }])
})

t.test('a start writes only what has changed', async t => {
  const versionOf = async () => (await call('GET', `OperationDefinition/${series.id}`)).meta.versionId
  await start()
  t.equal(await versionOf(), '1')
  await call('PUT', `OperationDefinition/${series.id}`, { ...series, title: 'Of before' })
  await start()
  t.equal(await versionOf(), '3')
  t.strictSame((await byUrl(series))[0].title, series.title)
})

t.test('what an administrator deleted stays deleted, and an id that is taken is left alone', async t => {
  const { id } = series
  const headers = { authorization: 'Bearer everything' }
  await server.inject({ method: 'DELETE', url: `/fhir/OperationDefinition/${id}`, headers })
  const taken = { ...study, id: 'staff', url: 'https://example.org/StructureDefinition/staff' }
  await call('PUT', 'StructureDefinition/staff', taken)
  await start()
  const gone = await server.inject({ url: `/fhir/OperationDefinition/${id}`, headers })
  t.equal(gone.statusCode, 410)
  t.match(await call('GET', 'StructureDefinition/staff'), { url: taken.url, meta: { versionId: '2' } })
})

t.test('servers that start at the same moment publish once', async t => {
  const other = await fhirWorld()
  t.teardown(() => other.server.close())
  await Promise.all([start(other.url), start(other.url), start(other.url)])
  const headers = { authorization: 'Bearer everything' }
  const { total } = (await other.server.inject({ url: '/fhir/OperationDefinition?_summary=count', headers })).json()
  t.equal(total, files.filter(({ resourceType }) => resourceType === 'OperationDefinition').length)
  const { meta } = (await other.server.inject({ url: `/fhir/OperationDefinition/${series.id}`, headers })).json()
  t.equal(meta.versionId, '1')
})
