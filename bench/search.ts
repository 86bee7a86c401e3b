import type { Api } from './api.ts'
import { measures } from './documents.ts'
import { loadObservations } from './million.ts'
import { median, percentile, timed } from './percentile.ts'
import { openPlainSearch, type PlainSearch } from './plain-search.ts'
import { openProgress } from './progress.ts'
import type { Report } from './report.ts'
import type { BenchServer } from './server.ts'
import { buildWorld, person } from './world.ts'

type Options = { readonly rows: number }

const patients = Array.from({ length: 100 }, (_, index) => `search-${index + 1}`)
const consenting = 60
const code = 'omh:blood-glucose'

/** Searches over HTTP, compared with plain SQL for the same rows, in turns so that noise affects both. */
export const benchSearch = async (server: BenchServer, { rows }: Options): Promise<Report> => {
  const importer = await server.as({ kind: 'client' }, 'system/*.cruds', { policies: ['everything'] })
  await buildWorld(importer, patients, consenting)
  await loadObservations(importer, server.databaseUrl, { patients, rows })
  return measureSearches(server, importer, rows)
}

const measureSearches = async (server: BenchServer, importer: Api, rows: number): Promise<Report> => {
  const researcher = await server.as({ kind: 'user', person }, 'user/*.rs')
  const plain = await openPlainSearch(server.databaseUrl)
  const memory = await readAll(server, importer, rows)
  const newest = await compare(researcher, plain, { rows: 20, times: 200, warmUp: 20 })
  const large = await compare(researcher, plain, { rows: 1000, times: 30, warmUp: 3 })
  const study = await pageThrough(researcher)
  const file = await compareFile(researcher, plain)
  await plain.close()
  for (const api of [importer, researcher]) api.close()
  const figures = {
    observations: rows,
    newest20P50Ms: median(newest.http),
    newest20P99Ms: percentile(newest.http, 0.99),
    newest20SqlP50Ms: median(newest.sql),
    page1000P50Ms: median(large.http),
    page1000P99Ms: percentile(large.http, 0.99),
    page1000SqlP50Ms: median(large.sql),
    page1000Ratio: median(large.http) / median(large.sql),
    ...study,
    ...file,
    ...memory,
  }
  return {
    bench: 'search',
    figures,
    bars: [
      {
        name: '20 newest take their SQL and at most 3 ms',
        isMet: figures.newest20P50Ms - figures.newest20SqlP50Ms <= 3,
      },
      { name: 'a page of 1,000 takes at most 3 times its SQL', isMet: figures.page1000Ratio <= 3 },
      { name: "a study's last pages take no longer than its first", isMet: study.studyLastOverFirst <= 1.5 },
      { name: 'reading everything adds less than 100 MB', isMet: memory.serverGrowthMB < 100 },
    ],
  }
}

/** The newest rows of one patient and code, for another patient each time. */
const compare = async (
  api: Api,
  plain: PlainSearch,
  { rows, times, warmUp }: { readonly rows: number; readonly times: number; readonly warmUp: number },
) => {
  const measured = { http: [] as number[], sql: [] as number[] }
  for (let index = 0; index < warmUp + times; index += 1) {
    const patient = patients[index % consenting] ?? ''
    let [found, expected] = ['', 0]
    const http = await timed(async () => {
      found = await api.get(`/Observation?patient=${patient}&code=${code}&_count=${rows}`)
    })
    const sql = await timed(async () => {
      expected = await plain.newest(patient, code, rows)
    })
    if (entriesIn(found) !== expected) throw new Error(`${entriesIn(found)} rows instead of ${expected}`)
    if (index < warmUp) continue
    measured.http.push(http)
    measured.sql.push(sql)
  }
  return measured
}

/** Everything with one code that a study may read, from the first page to the last. */
const pageThrough = async (api: Api) => {
  const measured: number[] = []
  let rows = 0
  for await (const page of pagesOf(api, `/Observation?code=${code}&_count=1000`)) {
    measured.push(page.ms)
    rows += page.rows
  }
  // The last page is not full.
  const full = measured.slice(0, -1)
  const part = Math.max(1, Math.floor(full.length / 5))
  const [first, last] = [median(full.slice(0, part)), median(full.slice(-part))]
  return { studyRows: rows, studyFirstPagesMs: first, studyLastPagesMs: last, studyLastOverFirst: last / first }
}

/** All that a study may read of four kinds, as a file, and the same rows from a cursor. */
const compareFile = async (api: Api, plain: PlainSearch) => {
  const codes = Object.values(measures).map(({ kind }) => kind)
  let [lines, rows] = [0, 0]
  const http = await timed(async () => {
    lines = await api.lines(`/Observation?code=${codes.join(',')}`)
  })
  const sql = await timed(async () => {
    rows = await plain.all(patients.slice(0, consenting))
  })
  if (lines !== rows) throw new Error(`a file of ${lines} lines instead of ${rows}`)
  return { fileRowsPerSecond: (lines * 1000) / http, fileSqlRowsPerSecond: (rows * 1000) / sql, fileRatio: http / sql }
}

/** Reads every Observation page by page, and measures how much the server's memory grows. */
const readAll = async (server: BenchServer, api: Api, rows: number) => {
  const idle = await server.memory()
  const progress = openProgress('read', rows)
  let [read, peak] = [0, idle]
  const ms = await timed(async () => {
    for await (const page of pagesOf(api, '/Observation?_count=1000')) {
      read += page.rows
      progress.step(page.rows)
      peak = Math.max(peak, await server.memory())
    }
  })
  progress.stop()
  if (read < rows) throw new Error(`${read} rows were read instead of ${rows}`)
  return { serverIdleMB: idle, serverGrowthMB: peak - idle, readRowsPerSecond: (read * 1000) / ms }
}

const pagesOf = async function* (api: Api, first: string) {
  for (let next: string | undefined = first; next !== undefined; ) {
    const started = performance.now()
    const text: string = await api.get(next)
    yield { ms: performance.now() - started, rows: entriesIn(text) }
    next = nextOf(text)
  }
}

/** The links come before the entries. */
const nextOf = (bundle: string): string | undefined =>
  /"relation":"next","url":"([^"]+)"/.exec(bundle.slice(0, bundle.indexOf('"entry":')))?.[1]

const entriesIn = (bundle: string): number => bundle.split('"fullUrl":').length - 1
