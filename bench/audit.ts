import { systems } from '../src/fhir/canonical.ts'
import type { Api } from './api.ts'
import { bundleOf, minutesAfter, observationOf } from './documents.ts'
import { driveLoad } from './load.ts'
import { mixSearches, turnOf } from './mix-searches.ts'
import { asResearcher, buildMixWorld } from './mix-world.ts'
import { patientId } from './people.ts'
import { percentile } from './percentile.ts'
import { openPlainSql } from './plain-sql.ts'
import type { Report } from './report.ts'
import { type BenchServer, openBeside } from './server.ts'

type Options = { readonly rows: number; readonly connections: number; readonly seconds: number }

/**
 * What it costs that everything is recorded: two servers over one database, started one after the other, of which one records nothing, are asked the same
 * in turns, and the time of a request at the one is told as a multiple of that at the other. The bar is for the mix; what is
 * asked alone says where it is more.
 */
export const benchAudit = async (server: BenchServer, { rows, connections, seconds }: Options): Promise<Report> => {
  const { people } = await buildMixWorld(server, rows)
  const [audited, unaudited] = [await openBeside(server, 'on'), await openBeside(server, 'off')]
  try {
    const compared: Compared[] = []
    for (const [name, ask] of Object.entries(asks(people, await someIds(server)))) {
      const sides = {
        audited: await askers(audited, connections, ask),
        unaudited: await askers(unaudited, connections, ask),
      }
      compared.push(await compare(name, sides, seconds))
      for (const { api } of [...sides.audited, ...sides.unaudited]) api.close()
    }
    return {
      bench: 'audit',
      figures: Object.assign({ observations: rows, connections }, ...compared.map(({ figures }) => figures)),
      bars: [
        {
          name: 'recording takes less than 10 % of the time of a request of the mix',
          isMet: compared.some(({ name, ratio }) => name === 'mix' && ratio < 1.1),
        },
        { name: 'nothing goes wrong', isMet: compared.every(({ errors }) => errors === 0) },
      ],
    }
  } finally {
    await Promise.all([audited.close(), unaudited.close()])
  }
}

type Compared = {
  readonly name: string
  readonly ratio: number
  readonly errors: number
  readonly figures: Readonly<Record<string, number>>
}

type Asker = { readonly api: Api; readonly ask: () => Promise<unknown> }

type Side = 'audited' | 'unaudited'

const compare = async (
  name: string,
  sides: Readonly<Record<Side, readonly Asker[]>>,
  seconds: number,
): Promise<Compared> => {
  const times: Record<Side, number[]> = { audited: [], unaudited: [] }
  let errors = 0
  for (let round = 0; round < rounds; round += 1) {
    // Neither side always comes first.
    const order: readonly Side[] = round % 2 === 0 ? ['audited', 'unaudited'] : ['unaudited', 'audited']
    for (const side of order) {
      const load = await driveLoad(
        sides[side].map(({ ask }) => ask),
        { seconds: seconds / rounds, warmUpSeconds: round < 2 ? 2 : 0.2 },
      )
      errors += load.errors
      times[side].push((1000 * sides[side].length) / load.perSecond)
    }
  }
  const ratio = percentile(
    times.audited.map((time, round) => time / (times.unaudited[round] ?? time)),
    0.5,
  )
  const figures = {
    [`${name}Ms`]: percentile(times.audited, 0.5),
    [`${name}UnauditedMs`]: percentile(times.unaudited, 0.5),
    [`${name}Ratio`]: ratio,
  }
  return { name, ratio, errors, figures }
}

const rounds = 10

const someIds = async ({ databaseUrl }: BenchServer): Promise<readonly string[]> => {
  const plain = await openPlainSql(databaseUrl)
  const ids = await plain.someObservations(10_000)
  await plain.close()
  return ids
}

/** `number` counts what a connection asks; `patient` is whose app it is, where it is one. */
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

/** No two documents are of the same minute. */
const nextMinutes = (count: number): Date => {
  minutes += count
  return minutesAfter(new Date('2024-01-01T00:00:00Z'), minutes - count)
}
let minutes = 0

/** The connections ask different things at a time, each app for a patient of its own; those of both sides the same. */
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
