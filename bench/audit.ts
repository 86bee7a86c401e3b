import { systems } from '../src/fhir/canonical.ts'
import type { Api } from './api.ts'
import { bundleOf, minutesAfter, observationOf } from './documents.ts'
import { driveLoad } from './load.ts'
import { mixSearches, turnOf } from './mix-searches.ts'
import { asResearcher, buildMixWorld } from './mix-world.ts'
import { patientId } from './people.ts'
import { median } from './percentile.ts'
import { openPlainSql } from './plain-sql.ts'
import type { Report } from './report.ts'
import { type BenchServer, openBeside } from './server.ts'

type Options = { readonly rows: number; readonly connections: number; readonly seconds: number }

/**
 * What it costs to record everything. Two servers on one database, started one after the other, one of which records nothing, are asked the same
 * in turns, and the time of a request at the one is given as a multiple of that at the other. Two servers that do the same differ by up to four
 * hundredths for as long as they run, so several pairs are started. The bar is for the mix, with few, some and many requests at a time, since those
 * that are answered at the same time share a commit; the single requests show where the cost is higher.
 */
export const benchAudit = async (server: BenchServer, { rows, connections, seconds }: Options): Promise<Report> => {
  const { people } = await buildMixWorld(server, rows)
  const questions = questionsOf(asks(people, await someIds(server)), connections)
  // Its background work is not part of what is measured.
  await server.stop()
  const rounds: Round[] = []
  for (let pair = 0; pair < pairs; pair += 1) {
    const [audited, unaudited] = [await openBeside(server, 'on'), await openBeside(server, 'off')]
    try {
      for (const { name, ask, atOnce } of questions) {
        const sides = {
          audited: await askers(audited, atOnce, ask),
          unaudited: await askers(unaudited, atOnce, ask),
        }
        rounds.push(...(await compare(name, sides, seconds / pairs)))
        for (const { api } of [...sides.audited, ...sides.unaudited]) api.close()
      }
    } finally {
      await Promise.all([audited.close(), unaudited.close()])
    }
  }
  const compared = questions.map(({ name, isOfMix }) => ({
    isOfMix,
    ...summarized(
      name,
      rounds.filter(round => round.name === name),
    ),
  }))
  const ofMix = compared.filter(({ isOfMix }) => isOfMix)
  return {
    bench: 'audit',
    figures: Object.assign({ observations: rows, connections }, ...compared.map(({ figures }) => figures)),
    bars: [
      {
        name: 'recording takes less than 10 % of the time of a request of the mix, with few, some and many at a time',
        isMet: ofMix.every(({ ratio }) => ratio < 1.1),
      },
      { name: 'nothing goes wrong', isMet: rounds.every(({ errors }) => errors === 0) },
    ],
  }
}

const pairs = 4
const roundsOfPair = 4

/** How long a request took at either server, in ms. */
type Round = {
  readonly name: string
  readonly audited: number
  readonly unaudited: number
  readonly errors: number
}

type Asker = { readonly api: Api; readonly ask: () => Promise<unknown> }

type Side = 'audited' | 'unaudited'

const compare = async (
  name: string,
  sides: Readonly<Record<Side, readonly Asker[]>>,
  seconds: number,
): Promise<readonly Round[]> => {
  const rounds: Round[] = []
  for (let round = 0; round < roundsOfPair; round += 1) {
    const times = { audited: 0, unaudited: 0 }
    let errors = 0
    // Neither side always comes first.
    const order: readonly Side[] = round % 2 === 0 ? ['audited', 'unaudited'] : ['unaudited', 'audited']
    for (const side of order) {
      const load = await driveLoad(
        sides[side].map(({ ask }) => ask),
        { seconds: seconds / roundsOfPair, warmUpSeconds: round === 0 ? 2 : 0.2 },
      )
      errors += load.errors
      times[side] = (1000 * sides[side].length) / load.perSecond
    }
    rounds.push({ name, ...times, errors })
  }
  return rounds
}

const summarized = (name: string, rounds: readonly Round[]) => {
  const ratio = median(rounds.map(({ audited, unaudited }) => audited / unaudited))
  const figures = {
    [`${name}Ms`]: median(rounds.map(({ audited }) => audited)),
    [`${name}UnauditedMs`]: median(rounds.map(({ unaudited }) => unaudited)),
    [`${name}Ratio`]: ratio,
  }
  return { name, ratio, figures }
}

const someIds = async ({ databaseUrl }: BenchServer): Promise<readonly string[]> => {
  const plain = await openPlainSql(databaseUrl)
  const ids = await plain.someObservations(10_000)
  await plain.close()
  return ids
}

/** `number`: how many requests the connection has made; `patient`: whose app it is, if it is one. */
type Ask =
  | { readonly as: 'researcher'; readonly ask: (api: Api, number: number) => Promise<unknown> }
  | { readonly as: 'app'; readonly ask: (api: Api, patient: string) => Promise<unknown> }

const asks = (people: number, ids: readonly string[]): Readonly<Record<string, Ask>> => ({
  mix: {
    as: 'researcher',
    ask: (api, number) => api.get(mixSearches[number % mixSearches.length]?.path(turnOf(people, number)) ?? ''),
  },
  read: { as: 'researcher', ask: api => api.get(`/Observation/${ids[Math.floor(Math.random() * ids.length)]}`) },
  search: {
    as: 'researcher',
    ask: api =>
      api.get(
        `/Observation?patient=${patientId(1 + Math.floor(Math.random() * 100))}&code=${systems.loinc}|8867-4&_count=20`,
      ),
  },
  study: { as: 'researcher', ask: api => api.get(`/Observation?code=${systems.loinc}|8867-4&_count=100`) },
  upload: {
    as: 'app',
    ask: (api, patient) =>
      api.post('/Observation', JSON.stringify(observationOf(patient, 'heartRate', nextMinutes(1)))),
  },
  bundle: { as: 'app', ask: (api, patient) => api.post('', bundleOf(patient, bundleSize, nextMinutes(bundleSize))) },
})

const bundleSize = 100

/** No two documents are from the same minute. */
const nextMinutes = (count: number): Date => {
  minutes += count
  return minutesAfter(new Date('2024-01-01T00:00:00Z'), minutes - count)
}
let minutes = 0

type Question = { readonly name: string; readonly ask: Ask; readonly atOnce: number; readonly isOfMix: boolean }

/** The mix with as many connections as asked for, and with twice and four times as many: `mix8`, `mix16` and `mix32`. */
const questionsOf = (asks: Readonly<Record<string, Ask>>, connections: number): readonly Question[] =>
  Object.entries(asks).flatMap(([name, ask]): readonly Question[] =>
    name === 'mix'
      ? [1, 2, 4]
          .map(times => times * connections)
          .map(atOnce => ({ name: `${name}${atOnce}`, ask, atOnce, isOfMix: true }))
      : [{ name, ask, atOnce: connections, isOfMix: false }],
  )

/** The connections ask different things at any time, each app about a patient of its own; those of both sides ask the same. */
const askers = (at: Pick<BenchServer, 'as'>, connections: number, one: Ask): Promise<readonly Asker[]> =>
  Promise.all(
    Array.from({ length: connections }, async (_, index) => {
      if (one.as === 'app') {
        const patient = patientId(1 + index)
        const api = await at.as({ kind: 'patient', patient }, 'patient/Observation.crus')
        return { api, ask: () => one.ask(api, patient) }
      }
      const api = await asResearcher(at)
      let number = index * 1009
      return { api, ask: () => one.ask(api, number++) }
    }),
  )
