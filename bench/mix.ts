import type { Api } from './api.ts'
import { driveLoad, figuresOf } from './load.ts'
import { type MixSearch, mixSearches, turnOf } from './mix-searches.ts'
import { asImporter, asResearcher, buildMixWorld } from './mix-world.ts'
import { median, timed } from './percentile.ts'
import { openPlainSql, type PlainSql } from './plain-sql.ts'
import { openProgress } from './progress.ts'
import type { Report } from './report.ts'
import { type BenchServer, openBenchServer, openBeside } from './server.ts'

type Options = { readonly rows: number; readonly connections: number; readonly seconds: number }

/**
 * A search of each kind by a researcher, one after the other and many at once, and also in a world of a tenth of the size. Searches one at a
 * time go to servers that record nothing: recording has a bench of its own, and plain SQL has none.
 */
export const benchMix = async (server: BenchServer, options: Options): Promise<Report> => {
  const small = await openBenchServer(undefined)
  try {
    const worlds = {
      large: await openWorld(server, options.rows),
      small: await openWorld(small, Math.ceil(options.rows / 10)),
    }
    const report = await compareWorlds(server, worlds, options)
    for (const world of Object.values(worlds)) await world.close()
    return report
  } finally {
    await small.close()
  }
}

type Worlds = Readonly<Record<'large' | 'small', World>>

const compareWorlds = async (
  server: BenchServer,
  worlds: Worlds,
  { rows, connections, seconds }: Options,
): Promise<Report> => {
  for (const search of mixSearches) await checkSame(search, worlds.large)
  const measured = await measureAlone(worlds)
  const researchers = await Promise.all(Array.from({ length: connections }, () => asResearcher(server)))
  const load = await driveLoad(
    researchers.map(api => () => askAny(api, worlds.large)),
    { seconds, warmUpSeconds: seconds / 3 },
  )
  for (const api of researchers) api.close()
  return reportOf(measured, {
    observations: rows,
    people: worlds.large.people,
    connections,
    ...figuresOf('search', load),
  })
}

type World = {
  readonly people: number
  /** The researcher reads through consents; the importer needs none. */
  readonly researcher: Api
  readonly importer: Api
  readonly plain: PlainSql
  readonly close: () => Promise<void>
}

const openWorld = async (server: BenchServer, rows: number): Promise<World> => {
  const { people } = await buildMixWorld(server, rows)
  const unaudited = await openBeside(server, 'off')
  const researcher = await asResearcher(unaudited)
  const importer = await asImporter(unaudited)
  const plain = await openPlainSql(server.databaseUrl)
  return {
    people,
    researcher,
    importer,
    plain,
    close: async () => {
      await plain.close()
      for (const api of [importer, researcher]) api.close()
      await unaudited.close()
    },
  }
}

const askAny = (api: Api, { people }: World): Promise<string> => {
  const search = mixSearches[Math.floor(Math.random() * mixSearches.length)]
  return search === undefined
    ? Promise.reject(new Error('no search'))
    : api.get(search.path(turnOf(people, Math.floor(Math.random() * 1e9))))
}

/** Checks that server and SQL find the same, and that the gate takes nothing away. */
const checkSame = async (search: MixSearch, world: World): Promise<void> => {
  for (const number of [0, 1, 2]) {
    const turn = turnOf(world.people, number)
    const path = search.path(turn)
    const expected = await world.plain.ids(search, turn)
    const found = [idsIn(await world.researcher.get(path)), idsIn(await world.importer.get(path))]
    if (expected.length === 0) throw new Error(`${search.name}: nothing is found`)
    if (found.some(ids => ids.join() !== expected.join()))
      throw new Error(`${search.name}: ${path} found ${found.join(' and ')} instead of ${expected}`)
  }
}

const idsIn = (bundle: string): readonly string[] =>
  [...bundle.matchAll(/"fullUrl":"[^"]*\/([^"/]+)"/g)].map(([, id]) => id ?? '')

const sides = ['researcher', 'importer', 'sql', 'small'] as const
type Measured = ReadonlyMap<MixSearch, Readonly<Record<(typeof sides)[number], number>>>

const rounds = 96
const warmUpRounds = 24

/** One at a time, all sides in turns, so that noise affects each, and none is favoured by what ran before it; medians. */
const measureAlone = async ({ large, small }: Worlds): Promise<Measured> => {
  const progress = openProgress('mix', rounds + warmUpRounds)
  const times = new Map(
    mixSearches.map(search => [
      search,
      { researcher: [], importer: [], sql: [], small: [] } as Record<string, number[]>,
    ]),
  )
  for (let round = 0; round < warmUpRounds + rounds; round += 1) {
    for (const [search, measured] of times) {
      const [turn, smallTurn] = [turnOf(large.people, round), turnOf(small.people, round)]
      const path = search.path(turn)
      const ask = {
        researcher: () => large.researcher.get(path),
        importer: () => large.importer.get(path),
        sql: () => large.plain.ids(search, turn),
        small: () => small.researcher.get(search.path(smallTurn)),
      }
      for (const side of inTurn(round)) {
        const ms = await timed(ask[side])
        if (round >= warmUpRounds) measured[side]?.push(ms)
      }
    }
    progress.step()
  }
  progress.stop()
  const middle = (measured: Readonly<Record<string, readonly number[]>>, side: string) => median(measured[side] ?? [])
  return new Map(
    [...times].map(([search, measured]) => [
      search,
      {
        researcher: middle(measured, 'researcher'),
        importer: middle(measured, 'importer'),
        sql: middle(measured, 'sql'),
        small: middle(measured, 'small'),
      },
    ]),
  )
}

/**
 * In 24 rounds, each order occurs once. A side that comes after another one of the same server finds its code and rows in memory, and the first
 * that asks a database about these people loads their rows for the others. So that happens to each side equally often.
 */
const inTurn = (round: number): readonly (typeof sides)[number][] => orders[round % orders.length] ?? sides

const ordersOf = <T>(of: readonly T[]): readonly (readonly T[])[] =>
  of.length === 0 ? [[]] : of.flatMap((one, index) => ordersOf(of.toSpliced(index, 1)).map(others => [one, ...others]))

const orders = ordersOf(sides)

const reportOf = (measured: Measured, load: Readonly<Record<string, number>>): Report => {
  const each = [...measured].map(([{ name }, { researcher, importer, sql, small }]) => ({
    name,
    ms: researcher,
    overSql: researcher / sql,
    growth: researcher / small,
    access: 1 - importer / researcher,
  }))
  const total = (side: (typeof sides)[number]) => [...measured.values()].reduce((sum, one) => sum + one[side], 0)
  const accessPart = 1 - total('importer') / total('researcher')
  const worst = (of: 'overSql' | 'growth') => Math.max(...each.map(one => one[of]))
  return {
    bench: 'mix',
    figures: {
      ...load,
      ...Object.fromEntries(
        each.flatMap(({ name, ms, overSql, growth, access }) => [
          [`${name}, ms`, ms],
          [`${name}, over its SQL`, overSql],
          [`${name}, growth`, growth],
          [`${name}, access`, access],
        ]),
      ),
      mostOverSql: worst('overSql'),
      mostGrowth: worst('growth'),
      accessPart,
    },
    aims: [
      { name: '1,000 searches a second', isMet: (load.searchPerSecond ?? 0) >= 1000 },
      { name: 'the 99th percentile of searches at most 15 ms', isMet: (load.searchP99Ms ?? Infinity) <= 15 },
    ],
    bars: [
      { name: 'no page of the mix takes more than 4 times its SQL', isMet: worst('overSql') <= 4 },
      { name: 'no search of the mix takes 1.5 times as long among 10 times the rows', isMet: worst('growth') < 1.5 },
      { name: 'access control is less than a tenth of the mix', isMet: accessPart < 0.1 },
      { name: 'no search goes wrong', isMet: load.searchErrors === 0 },
    ],
  }
}
