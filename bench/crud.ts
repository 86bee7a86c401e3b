import type { Condition, Device, Observation, Patient, Resource } from '@medplum/fhirtypes'
import { systems } from '../src/fhir/canonical.ts'
import type { Api } from './api.ts'
import { minutesAfter } from './documents.ts'
import { driveLoad, figuresOf } from './load.ts'
import { asResearcher, buildMixWorld } from './mix-world.ts'
import { patientId, patientOf } from './people.ts'
import { openPlainSql } from './plain-sql.ts'
import type { Report } from './report.ts'
import type { BenchServer } from './server.ts'

type Options = { readonly rows: number; readonly connections: number; readonly seconds: number }

/**
 * A researcher reads Observations of many people by id. Then there are the apps of as many patients as there are connections, each with its own
 * patient's token: of a hundred requests, 10 create, 60 read, 25 update and 5 delete.
 */
export const benchCrud = async (server: BenchServer, { rows, connections, seconds }: Options): Promise<Report> => {
  const { people } = await buildMixWorld(server, rows)
  const positions = Array.from({ length: connections }, (_, index) => 1 + index)
  const reads = await driveReads(server, { connections, seconds })
  const apps = await Promise.all(positions.map(position => openApp(server, position, people)))
  const crud = await driveLoad(
    apps.map(app => () => actOnce(app)),
    { seconds, warmUpSeconds: seconds / 3 },
  )
  for (const { api } of apps) api.close()
  return {
    bench: 'crud',
    figures: { observations: rows, people, connections, ...figuresOf('read', reads), ...figuresOf('crud', crud) },
    aims: [
      { name: '2,500 reads a second', isMet: reads.perSecond >= 2500 },
      { name: '1,200 requests of the mix a second', isMet: crud.perSecond >= 1200 },
      { name: 'the 99th percentile at most 15 ms', isMet: Math.max(reads.p99Ms, crud.p99Ms) <= 15 },
    ],
    bars: [{ name: 'nothing goes wrong', isMet: reads.errors + crud.errors === 0 }],
  }
}

const driveReads = async (server: BenchServer, { connections, seconds }: Pick<Options, 'connections' | 'seconds'>) => {
  const plain = await openPlainSql(server.databaseUrl)
  const ids = await plain.someObservations(10_000)
  await plain.close()
  const readers = await Promise.all(Array.from({ length: connections }, () => asResearcher(server)))
  const load = await driveLoad(
    readers.map(api => () => api.get(`/Observation/${anyOf(ids)}`)),
    { seconds, warmUpSeconds: seconds / 3 },
  )
  for (const api of readers) api.close()
  return load
}

const anyOf = <T>(of: readonly T[]): T => {
  const one = of[Math.floor(Math.random() * of.length)]
  if (one === undefined) throw new Error('there is nothing to choose from')
  return one
}

type Kind = 'Observation' | 'Condition' | 'Device' | 'Patient'

/** A patient's app, and the ids that it knows. */
type App = {
  readonly api: Api
  readonly patient: string
  readonly ids: Readonly<Record<Kind, string[]>>
  /** The Patient as it was registered; the app changes its contacts. */
  readonly registered: Patient
  turn: number
}

const openApp = async (server: BenchServer, position: number, people: number): Promise<App> => {
  const patient = patientId(position)
  const api = await server.as({ kind: 'patient', patient }, 'patient/*.cruds patient/Device.cruds')
  const ids: App['ids'] = { Observation: [], Condition: [], Device: [], Patient: [patient] }
  const app: App = { api, patient, ids, registered: patientOf(position, people), turn: 0 }
  for (let index = 0; index < 20; index += 1) for (const kind of made) await create(app, kind)
  return app
}

/** How many of twenty requests are for each type, as with real devices and their apps. */
const kinds: readonly Kind[] = [
  ...Array.from({ length: 12 }, () => 'Observation' as const),
  ...Array.from({ length: 3 }, () => 'Condition' as const),
  ...Array.from({ length: 3 }, () => 'Device' as const),
  ...Array.from({ length: 2 }, () => 'Patient' as const),
]
const made = ['Observation', 'Condition', 'Device'] as const

type Made = (typeof made)[number]
const isMade = (kind: Kind): kind is Made => kind !== 'Patient'

/** A Patient is registered once, so an Observation is created or deleted instead. */
const actOnce = (app: App): Promise<unknown> => {
  const [chance, kind] = [Math.random() * 100, anyOf(kinds)]
  const other = isMade(kind) ? kind : 'Observation'
  if (chance < 10) return create(app, other)
  if (chance < 70) return app.api.get(`/${kind}/${anyOf(app.ids[kind])}`)
  if (chance < 95) return update(app, kind)
  return remove(app, other)
}

const create = async (app: App, kind: Made): Promise<void> => {
  const text = await app.api.post(`/${kind}`, JSON.stringify(bodies[kind](app)))
  const id = /"id":\s?"([^"]+)"/.exec(text)?.[1]
  if (id === undefined) throw new Error(`${kind} was created without an id: ${text.slice(0, 200)}`)
  app.ids[kind].push(id)
}

const update = (app: App, kind: Kind): Promise<unknown> => {
  const id = anyOf(app.ids[kind])
  return app.api.put(`/${kind}/${id}`, { ...bodies[kind](app), id })
}

/** The last few are kept, so that there is always something to read. */
const remove = async (app: App, kind: Made): Promise<unknown> => {
  const ids = app.ids[kind]
  if (ids.length < 5) return create(app, kind)
  const [id] = ids.splice(Math.floor(Math.random() * ids.length), 1)
  return app.api.delete(`/${kind}/${id}`)
}

const subjectOf = ({ patient }: App) => ({ reference: `Patient/${patient}` })

/** A new content each time, so that every update makes a version. */
const bodies: Readonly<Record<Kind, (app: App) => Resource>> = {
  Observation: (app): Observation => ({
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: systems.loinc, code: '8867-4' }] },
    subject: subjectOf(app),
    device: { reference: 'Device/bench-sensor' },
    effectiveDateTime: minutesAfter(new Date('2025-01-01T00:00:00Z'), nextTurn(app)).toISOString(),
    valueQuantity: { value: 50 + (app.turn % 90), unit: 'beats/min', system: systems.ucum, code: '/min' },
  }),
  Condition: (app): Condition => ({
    resourceType: 'Condition',
    code: { coding: [{ system: systems.snomed, code: '38341003' }] },
    subject: subjectOf(app),
    note: [{ text: `Entry ${nextTurn(app)}` }],
  }),
  Device: (app): Device => ({
    resourceType: 'Device',
    patient: subjectOf(app),
    parent: { reference: 'Device/bench-sensor' },
    serialNumber: String(nextTurn(app)),
  }),
  Patient: (app): Patient => ({
    ...app.registered,
    telecom: [{ system: 'phone', value: `+1 555 ${nextTurn(app)}` }],
  }),
}

const nextTurn = (app: App): number => {
  app.turn += 1
  return app.turn
}
