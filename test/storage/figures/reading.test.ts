import t from 'tap'
import { fullAccess } from '../../../src/access/access.ts'
import { accessOf } from '../../../src/access/rules.ts'
import { parseScopes } from '../../../src/access/scope.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { all } from '../../../src/search/expression.ts'
import { parseCriteria } from '../../../src/search/parse.ts'
import type { ReadingsAsked } from '../../../src/storage/figures/figures.ts'
import { lastObservations } from '../../../src/storage/figures/lastn.ts'
import { observationsAsked } from '../../../src/storage/figures/reading.ts'
import { type SqlFragment, sql } from '../../../src/storage/sql.ts'
import { planOf, rowsLookedAt } from '../../support/plan.ts'
import { openSearching } from '../../support/searching.ts'

const { server, database, put } = await openSearching()
t.teardown(() => server.close())

const registry = loadRegistry()
const classes = openCodeClasses()
const rate = { system: 'http://loinc.org', code: '8867-4' }
const people = ['ann', ...Array.from({ length: 40 }, (_, number) => `other-${number}`)]
const yearBefore = Date.UTC(2025, 0, 1)
await put(...people.map(id => ({ resourceType: 'Patient', id })))
await put(
  ...Array.from({ length: 400 }, (_, number) => reading(`old-${number}`, 'ann', yearBefore + number * 60_000)),
  ...Array.from({ length: 4 }, (_, number) => reading(`new-${number}`, 'ann', Date.UTC(2026, 2, 1, number))),
  reading('mistake', 'ann', Date.UTC(2026, 2, 1, 9), 'entered-in-error'),
  ...people.slice(1).map(id => reading(`of-${id}`, id, yearBefore)),
)
await database.run(sql.fragment`ANALYZE`)

function reading(id: string, patient: string, at: number, status = 'final') {
  return {
    resourceType: 'Observation',
    id,
    status,
    code: { coding: [rate] },
    subject: { reference: `Patient/${patient}` },
    effectiveDateTime: new Date(at).toISOString(),
    valueQuantity: { value: 60, system: 'http://unitsofmeasure.org', code: '/min' },
  }
}

const mistaken = parseCriteria(registry, 'Observation', new URLSearchParams({ status: 'entered-in-error,cancelled' }))
const asked: ReadingsAsked = {
  where: all,
  mistaken,
  patient: 'ann',
  codes: [rate],
  from: '2026-03-01T00:00:00Z',
  to: '2026-03-02T00:00:00Z',
  timezone: 'UTC',
  takesAverages: false,
  at: 'start',
  unit: '/min',
  conversions: [],
}

/** Her own app, by two scopes that come to the same. */
const own = {
  access: accessOf(
    {
      principal: { kind: 'patient', id: 'ann' },
      patient: 'ann',
      client: { id: 'app', policies: new Set() },
      administrator: false,
      organizations: [],
      scopes: parseScopes('patient/*.rs patient/Observation.rs'),
    },
    registry,
    (type, query) => parseCriteria(registry, type, query),
  ),
  classes,
}
const ofAll = { access: fullAccess, classes }

t.test('readings of a day are asked of that day and the week before it, mistakes too', async t => {
  for (const gate of [own, ofAll]) {
    const statement = observationsAsked(gate, asked)
    t.equal((await database.any(statement)).length, 4)
    t.ok(rowsLookedAt(await planOf(database, statement, { analyze: true }), 'observation') <= 5)
  }
})

t.test('the last readings of somebody with many are found without reading the others', async t => {
  let read = 0
  const connection = {
    ...database,
    any: async <Row>(statement: SqlFragment): Promise<readonly Row[]> => {
      read += rowsLookedAt(await planOf(database, statement, { analyze: true }), 'observation')
      return database.any<Row>(statement)
    },
  }
  for (const gate of [own, ofAll]) {
    read = 0
    const found = await lastObservations(connection, gate, { where: all, patients: ['ann'], max: 2, applied: [] })
    t.strictSame(
      found.map(({ id }) => id),
      ['mistake', 'new-3'],
    )
    t.ok(read < 20, `${read} rows`)
  }
})
