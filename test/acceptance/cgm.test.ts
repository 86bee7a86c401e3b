import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { Observation, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { sql } from '../../src/storage/sql.ts'
import { openStudies } from '../support/study.ts'
import { todays } from '../support/turn.ts'

/** Hall et al. 2018, PLOS Biology, doi:10.1371/journal.pbio.2005143: nineteen people with a glucose sensor. */
const folder = join(import.meta.dirname, '..', '..', '..', 'shared', 'data')
const skip = existsSync(folder) ? false : 'the measured data are not beside this project'

const glucose = 'omh:blood-glucose'
const pageSize = 1000
/** As the CommonHealth app sends them: a day of readings, one every five minutes. */
const bundleSize = 288

t.setTimeout(300_000)
t.test('glucose readings of real people are stored, found and counted, and closed to others', { skip }, async t => {
  const world = await openStudies()
  const { send, pages, database } = world
  t.teardown(() => world.server.close())

  const all = readPoints()
  t.equal(all.length, 34_890)
  // Every fifth of the nineteen people.
  const expected = new Map(todays([...readStatistics()], 5))
  const points = all.filter(({ subject }) => expected.has(subject))
  const count = points.length
  const here = await world.institution('here')
  const there = await world.institution('there')
  const study = await world.study(here.manager, here.organization, 'glucose', [glucose])
  const other = await world.study(there.manager, there.organization, 'elsewhere', [glucose])
  const patients = new Map<string, string>()
  for (const subject of expected.keys())
    patients.set(subject, await world.participant(here.manager, here.organization, study.id, [glucose], subject))
  const bundles = [...patients].flatMap(([subject, patient]) => toBundles(subject, patient, points))

  const postAll = async () => {
    const statuses = new Map<string, number>()
    for (const [subject, patient] of patients) {
      const bearer = await world.patientToken(patient, 'patient/Observation.cruds')
      for (const { payload } of bundles.filter(one => one.subject === subject)) {
        const answer = await send(bearer, 'POST', '', payload)
        for (const { response } of answer.json().entry)
          statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
      }
    }
    return Object.fromEntries(statuses)
  }
  const rows = async () =>
    database.one(sql.fragment`
      SELECT (SELECT count(*) FROM observation) AS current, (SELECT sum(version) FROM observation) AS versions,
        (SELECT max(last_updated) FROM observation) AS newest,
        (SELECT count(*) FROM observation_history) AS history, (SELECT count(*) FROM observation_code) AS codes,
        (SELECT count(*) FROM upload_key) AS keys, (SELECT count(*) FROM resource_identity) AS identities`)

  t.strictSame(await postAll(), { '201 Created': count }, 'each is stored')
  const before = await rows()
  t.match(before, { current: `${count}`, versions: `${count}`, history: '0', keys: `${2 * count}` })
  t.strictSame(await postAll(), { '200 OK': count }, 'each is recognized when it is sent again')
  t.strictSame(await rows(), before, 'no row changes')

  const researcher = await world.staffToken(study.researcher, 'user/*.rs')
  const queries = {
    'of the study': `patient._has:Group:member:_id=${study.group}&code=${glucose}`,
    'by its code': `code=${glucose}`,
  }
  for (const [name, query] of Object.entries(queries)) {
    const found = await pages(researcher, `Observation?${query}&_count=${pageSize}`)
    t.strictSame(statisticsOf(found, patients), expected, `${name}: count and mean of each person`)
    t.equal(new Set(found.map(({ resource }) => resource.id)).size, count, `${name}: none twice`)
  }
  const [patient = ''] = patients.values()
  const [subject = ''] = patients.keys()
  const own = await send(researcher, 'GET', `Observation?patient=${patient}&code=${glucose}&_summary=count`)
  t.equal(own.json().total, expected.get(subject)?.count)

  const stranger = await world.staffToken(other.researcher, 'user/*.rs')
  for (const query of [...Object.values(queries), `patient._has:Group:member:_id=${other.group}`, '_total=accurate'])
    t.strictSame(await pages(stranger, `Observation?${query}`), [], `a study without consent reads nothing by ${query}`)
  t.equal((await send(stranger, 'GET', `Observation?code=${glucose}&_summary=count`)).json().total, 0)
})

type Point = { readonly subject: string; readonly omh: { readonly header: { readonly uuid: string } } }
type Statistics = { readonly count: number; readonly mean: string }

const readPoints = (): readonly Point[] =>
  gunzipSync(readFileSync(join(folder, 'derived/cgm-hall-omh-points.ndjson.gz')))
    .toString()
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))

/** From the publication's own table, not from the points. */
const readStatistics = (): ReadonlyMap<string, Statistics> => {
  const [, ...lines] = gunzipSync(readFileSync(join(folder, 'cgm/hall-2018-dexcom-19subjects.csv.gz')))
    .toString()
    .trim()
    .split('\n')
  const rows = lines.map(line => line.replaceAll('"', '').split(','))
  return statistics(rows.map(([, subject = '', , value]) => [subject, Number(value)]))
}

const statistics = (values: readonly (readonly [string, number])[]): ReadonlyMap<string, Statistics> =>
  new Map(
    [...Map.groupBy(values, ([subject]) => subject)].sort().map(([subject, own]) => {
      const sum = own.reduce((total, [, value]) => total + value, 0)
      return [subject, { count: own.length, mean: (sum / own.length).toFixed(6) }]
    }),
  )

const statisticsOf = (found: readonly { resource: Resource }[], patients: ReadonlyMap<string, string>) => {
  const subjects = new Map([...patients].map(([subject, patient]) => [`Patient/${patient}`, subject]))
  return statistics(
    found.map(({ resource }) => {
      const { subject, valueQuantity } = resource as Observation
      return [subjects.get(subject?.reference ?? '') ?? 'nobody', valueQuantity?.value ?? Number.NaN]
    }),
  )
}

const toBundles = (subject: string, patient: string, points: readonly Point[]) => {
  const own = points.filter(point => point.subject === subject)
  return Array.from({ length: Math.ceil(own.length / bundleSize) }, (_, index) => ({
    subject,
    payload: JSON.stringify({
      resourceType: 'Bundle',
      type: 'batch',
      entry: own.slice(index * bundleSize, (index + 1) * bundleSize).map(({ omh }) => ({
        resource: toUpload(patient, omh),
        request: { method: 'POST', url: 'Observation' },
      })),
    }),
  }))
}

const toUpload = (patient: string, omh: Point['omh']) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'https://w3id.org/openmhealth', code: 'omh:blood-glucose:4.0' }] },
  subject: { reference: `Patient/${patient}` },
  device: { reference: 'Device/70001' },
  identifier: [{ system: 'urn:ietf:rfc:3986', value: `urn:uuid:${omh.header.uuid}` }],
  valueAttachment: { contentType: 'application/json', data: Buffer.from(JSON.stringify(omh)).toString('base64') },
})
