import type { Api } from './api.ts'
import { bundleOf, minutesAfter, observationOf } from './documents.ts'
import { type Floor, openFloor, type Rows } from './floor.ts'
import { median, percentile, timed } from './percentile.ts'
import { openProgress } from './progress.ts'
import type { Report } from './report.ts'
import type { BenchServer } from './server.ts'
import { buildWorld } from './world.ts'

type Options = { readonly rows: number; readonly connections: number }

const patients = Array.from({ length: 8 }, (_, index) => `ingest-${index + 1}`)
const bundleSize = 100
const statementSize = 500
const rounds = 4

/** Bundles of new documents over HTTP, compared with plain INSERTs of the same rows, in turns so that noise affects both. */
export const benchIngest = async (server: BenchServer, { rows, connections }: Options): Promise<Report> => {
  const uploaders = await enrol(server)
  const floor = await openFloor(server.databaseUrl)
  const progress = openProgress('ingest', rounds)
  const times = timesAfter(new Date('2024-01-01T00:00:00Z'))
  const bundlesPerRound = Math.max(connections, Math.ceil(rows / rounds / bundleSize))
  await upload(bundlesOf(Math.max(20, patients.length), times), uploaders, connections)
  // As the Bundles, so that it is not measured how the engine compiles what it has run only a few times.
  for (let warmUp = 0; warmUp < 5; warmUp += 1) await singlePosts(uploaders, times)
  const measured = { server: [] as number[], floor: [] as number[], post: [] as number[], insert: [] as number[] }
  let processorMs = 0
  for (let round = 0; round < rounds; round += 1) {
    const bundles = bundlesOf(bundlesPerRound, times)
    const before = await server.processorTime()
    const serverMs = await timed(() => upload(bundles, uploaders, connections))
    processorMs += (await server.processorTime()) - before
    measured.server.push((bundles.length * bundleSize * 1000) / serverMs)
    measured.floor.push(await floorRate(floor, bundlesPerRound * bundleSize))
    measured.post.push(...(await singlePosts(uploaders, times)))
    measured.insert.push(...(await singleInserts(floor)))
    progress.step()
  }
  progress.stop()
  await floor.close()
  for (const { api } of uploaders) api.close()
  const observations = rounds * bundlesPerRound * bundleSize
  return reportOf(measured, { connections, observations, serverProcessorUs: (processorMs * 1000) / observations })
}

type Uploader = { readonly patient: string; readonly api: Api }
type Bundle = { readonly uploader: number; readonly text: string }

const enrol = async (server: BenchServer): Promise<readonly Uploader[]> => {
  const importer = await server.as({ kind: 'client' }, 'system/*.cruds', { policies: ['everything'] })
  await buildWorld(importer, patients)
  importer.close()
  return Promise.all(
    patients.map(async patient => ({
      patient,
      api: await server.as({ kind: 'patient', patient }, 'patient/Observation.crus'),
    })),
  )
}

/** A stretch of time of its own for each call. */
const timesAfter = (start: Date) => {
  let minutes = 0
  return (length: number): Date => {
    minutes += length
    return minutesAfter(start, minutes - length)
  }
}

const bundlesOf = (count: number, times: (length: number) => Date): readonly Bundle[] =>
  Array.from({ length: count }, (_, index) => {
    const uploader = index % patients.length
    return { uploader, text: bundleOf(patients[uploader] ?? '', bundleSize, times(bundleSize)) }
  })

const upload = async (
  bundles: readonly Bundle[],
  uploaders: readonly Uploader[],
  connections: number,
): Promise<void> => {
  const waiting = [...bundles]
  const work = async () => {
    for (let bundle = waiting.shift(); bundle !== undefined; bundle = waiting.shift()) {
      const answer = await uploaders[bundle.uploader]?.api.post('', bundle.text)
      const created = answer?.split('"201 Created"').length ?? 0
      if (created !== bundleSize + 1) throw new Error(`a Bundle was not taken whole: ${answer?.slice(0, 1000)}`)
    }
  }
  await Promise.all(Array.from({ length: connections }, work))
}

/** Rows per second, where a row is an Observation with all its side rows. */
const floorRate = async (floor: Floor, count: number): Promise<number> => {
  const statements = await floor.prepare(statementSize, Math.max(1, Math.round(count / statementSize)))
  const ms = await timed(() => insertAll(floor, statements))
  return (statements.reduce((sum, { count: rows }) => sum + rows, 0) * 1000) / ms
}

const insertAll = async (floor: Floor, statements: readonly Rows[]): Promise<void> => {
  for (const rows of statements) await floor.insert(rows)
}

const singles = 60

const singlePosts = async (uploaders: readonly Uploader[], times: (length: number) => Date) => {
  const measured: number[] = []
  for (let index = 0; index < singles; index += 1) {
    const uploader = uploaders[index % uploaders.length]
    if (uploader === undefined) break
    const text = JSON.stringify(observationOf(uploader.patient, 'glucose', times(1)))
    measured.push(await timed(() => uploader.api.post('/Observation', text)))
  }
  return measured
}

const singleInserts = async (floor: Floor): Promise<readonly number[]> => {
  const measured: number[] = []
  for (const rows of await floor.prepare(1, singles)) measured.push(await timed(() => floor.insert(rows)))
  return measured
}

const reportOf = (
  measured: Readonly<Record<'server' | 'floor' | 'post' | 'insert', readonly number[]>>,
  amounts: {
    readonly connections: number
    readonly observations: number
    /** Processor time for each Observation of a Bundle, without that of PostgreSQL. */
    readonly serverProcessorUs: number
  },
): Report => {
  const [observationsPerSecond, floorRowsPerSecond] = [median(measured.server), median(measured.floor)]
  const [singleP50Ms, insertP50Ms] = [median(measured.post), median(measured.insert)]
  const ratio = observationsPerSecond / floorRowsPerSecond
  return {
    bench: 'ingest',
    figures: {
      ...amounts,
      observationsPerSecond,
      floorRowsPerSecond,
      ratio,
      singleP50Ms,
      singleP99Ms: percentile(measured.post, 0.99),
      insertP50Ms,
      singleOverInsertMs: singleP50Ms - insertP50Ms,
    },
    bars: [
      { name: 'ingest is at least 0.3 of the plain INSERT', isMet: ratio >= 0.3 },
      { name: 'a single POST takes its INSERT and at most 4 ms', isMet: singleP50Ms - insertP50Ms <= 4 },
    ],
  }
}
