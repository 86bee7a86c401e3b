import type { Condition, Observation, Person, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import type { Caller } from '../../../src/access/caller.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import type { Connection } from '../../../src/storage/database.ts'
import { openDatabase } from '../../../src/storage/database.ts'
import { sql } from '../../../src/storage/sql.ts'
import type { Write } from '../../../src/storage/store.ts'
import { nobodyWaits, someoneWaits } from '../../support/someone-waits.ts'
import * as w from './world.ts'

const heartRate = 'omh:heart-rate'
/** More than are moved at once. */
const many = 1100

const world = await w.openWorld({ poolSize: 6 })
const { put, storeOf, database, importer } = world
/** For somebody outside the server. */
const outside = openDatabase(world.url, { poolSize: 1 })
t.teardown(async () => {
  await outside.close()
  await world.close()
})

const minutes = (number: number): string => new Date(Date.UTC(2026, 0, 1) + number * 60_000).toISOString()
const measured = (patient: string, number: number, more: Partial<Observation> = {}): Observation => ({
  ...(w.measured(`${patient}-${number}`, patient, heartRate) as Observation),
  effectiveDateTime: minutes(number),
  valueQuantity: { value: 60 + (number % 40) },
  text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">pulse ${number}</div>` },
  ...more,
})
/** A document that is uploaded with a key of its own. */
const uploaded = (patient: string, number: number, value = 1): Write => {
  const { id: _, ...resource } = measured(patient, number)
  const digest = String(value).padStart(64, '0')
  return {
    kind: 'create',
    resource: { ...resource, valueQuantity: { value } } as Observation,
    uploadKey: { schema: heartRate, key: `document-${number}`, digest, mapVersion: 1 },
  }
}
const uploadedTo = async (patient: string, number: number, value?: number) => {
  const [written] = await importer.write([uploaded(patient, number, value)])
  if (written === undefined || written.outcome === 'refused' || written.outcome === 'deleted')
    throw new Error('refused')
  return written
}
const linked = (id: string, ...patients: readonly string[]): Person => ({
  resourceType: 'Person',
  id,
  link: patients.map(one => ({ target: { reference: `Patient/${one}` } })),
})
const numberOf = async (patient: string): Promise<number> =>
  (
    await database.one<{ number: number }>(
      sql.fragment`SELECT patient_id AS number FROM patient_compartment WHERE id = ${patient}`,
    )
  ).number
const tables = (await database.any<{ name: string }>(sql.fragment`SELECT name FROM patient_table ORDER BY name`)).map(
  ({ name }) => name,
)
const tablesWith = async (number: number): Promise<readonly string[]> => {
  const found: string[] = []
  for (const name of tables)
    if (
      await database.maybeOne(sql.fragment`SELECT FROM ${sql.identifier([name])} WHERE patient_id = ${number} LIMIT 1`)
    )
      found.push(name)
  return found
}
/** Whatever is derived from resources and stands beside them. */
const beside = async (): Promise<readonly unknown[]> => {
  const derived = ['observation_code', 'index_string', 'index_date', 'index_number', 'full_text', 'derived_from']
  const all = derived.map(name =>
    database.one(sql.fragment`
      SELECT ${name} AS name, count(*)::integer AS rows, coalesce(sum(hashtextextended(row::text, 0)), 0)::text AS sum
      FROM ${sql.identifier([name])} AS row`),
  )
  return Promise.all(all)
}
/** Holds the Observation until `run` is done, so that whoever wants to change or to move it waits. */
const holding = (id: string, run: (connection: Connection) => Promise<void>): Promise<void> =>
  outside.transaction(async connection => {
    await connection.any(sql.fragment`SELECT FROM resource_identity WHERE id = ${id} FOR UPDATE`)
    await run(connection)
  })
const counting = parseSearch(loadRegistry(), 'Observation', new URLSearchParams('_summary=count'))
const observations = async (caller: Caller) => (await storeOf(caller).search(counting)).total
const researcher = w.staff('researcher')
const last = many - 1

const putPair = async (name: string): Promise<readonly [string, string]> => {
  const pair = [`${name}-1`, `${name}-2`] as const
  await put(w.registered(pair[0], 'lab'), w.registered(pair[1], 'clinic'))
  return pair
}
const putMany = async (patient: string, count: number): Promise<void> => {
  const writes = Array.from({ length: count }, (_, number): Write => {
    const resource = measured(patient, number)
    return { kind: 'update', id: resource.id ?? '', resource }
  })
  for (const written of await importer.write(writes)) if (written.outcome === 'refused') throw written.error
}

await put(
  w.organization('lab'),
  w.organization('clinic'),
  w.study('open', 'lab', [w.chooses('access', 'staff'), w.requests(heartRate), w.works('researcher', 'coordinator')]),
  w.groupOf('open', 'lab'),
)

t.test('a large record is joined while others go on writing, and nobody sees a part of it before the end', async t => {
  const [kept, moved] = await putPair('ann')
  await put(w.enrols('open', moved), w.consent('open', moved, 'active', [w.permit(heartRate)]))
  await putMany(kept, many + 20)
  await putMany(moved, many)
  const derivedFrom = [{ reference: `Observation/${moved}-1` }]
  await put(measured(moved, 2, { derivedFrom }), measured(moved, 3, { status: 'amended' }))
  await importer.write([{ kind: 'delete', type: 'Observation', id: `${moved}-4` }])
  const condition: Condition = { resourceType: 'Condition', id: 'of-ann', subject: { reference: `Patient/${moved}` } }
  await put(condition as Resource)
  const older = await uploadedTo(moved, 5000)
  await uploadedTo(kept, 5000)
  const only = await uploadedTo(moved, 5001)
  const before = many - 1 + 2
  const [ofKept, ofMoved] = [await numberOf(kept), await numberOf(moved)]
  let joining: Promise<void> | undefined
  await holding(`${moved}-${last}`, async connection => {
    joining = put(linked('ann', kept, moved))
    await someoneWaits(connection)
    await put(w.registered('bob', 'lab'), measured('bob', 1))
    t.match(await uploadedTo(moved, 5001), { outcome: 'unchanged', id: only.id }, 'the same again')
    t.match(await uploadedTo(moved, 5002), { outcome: 'created' })
    t.equal(await observations(w.patient(kept)), many + 21)
    t.equal(await observations(w.patient(moved)), before + 1)
    t.equal(await observations(researcher), before + 1, 'what was consented to, as before')
  })
  await joining
  t.strictSame([await numberOf(kept), await numberOf(moved)], [ofKept, ofKept])
  t.strictSame(await tablesWith(ofMoved), [])
  t.equal(await observations(w.patient(kept)), many + 21 + before + 1)
  t.equal(await observations(researcher), many + 21 + before + 1)
  const { total } = await storeOf(w.patient(kept)).history('Observation', `${moved}-3`, { count: 9, cursor: undefined })
  t.equal(total, 2)
  t.match(await uploadedTo(kept, 5000), { outcome: 'unchanged', id: older.id }, 'the older keeps the key')
  t.match(await uploadedTo(kept, 5002), { outcome: 'unchanged' }, 'what came meanwhile')
})

t.test('what stands beside the resources is as if they had been stored as one record', async t => {
  const stands = await beside()
  await world.deriveAnew()
  t.strictSame(await beside(), stands)
})

t.test('as long as somebody has one of its readings in hand, a joining stops waiting again and again', async t => {
  const pair = await putPair('fay')
  for (const one of pair) await putMany(one, many)
  let joining: Promise<void> | undefined
  await holding(`fay-2-${last}`, async connection => {
    joining = put(linked('fay', ...pair))
    await someoneWaits(connection)
    await nobodyWaits(connection)
  })
  await joining
  t.equal(await numberOf(pair[1]), await numberOf(pair[0]))
})

t.test('of several records that are to be joined at once, one waits for the other, and both are', async t => {
  const large = await putPair('eve')
  for (const one of large) await putMany(one, many)
  const small = await putPair('max')
  const done: string[] = []
  const joinings: Promise<unknown>[] = []
  await holding(`eve-2-${last}`, async connection => {
    joinings.push(put(linked('eve', ...large)).then(() => done.push('large')))
    await someoneWaits(connection)
    joinings.push(put(linked('max', ...small)).then(() => done.push('small')))
    await put(measured('max-2', 1))
    t.strictSame(done, [])
  })
  await Promise.all(joinings)
  t.strictSame(done, ['large', 'small'])
  for (const [one, two] of [large, small]) t.equal(await numberOf(one), await numberOf(two))
})

t.test('what is refused is not moved first, nor does it wait for anybody who has a part of it in hand', async t => {
  const [kept, moved] = await putPair('zoe')
  await put(w.enrols('open', kept), w.enrols('open', moved))
  await putMany(kept, many + 20)
  await putMany(moved, many)
  const given = (patient: string): Write => {
    const resource = w.consent('open', patient, 'active', [w.permit(heartRate)])
    return { kind: 'update', id: resource.id ?? '', resource }
  }
  const link = linked('zoe', kept, moved)
  await holding(`${moved}-${last}`, async () => {
    const joining = importer.write([{ kind: 'update', id: 'zoe', resource: link }, given(kept), given(moved)])
    await t.rejects(joining, { message: /^Two of the patients have a proposed or active Consent/ })
  })
  t.not(await numberOf(kept), await numberOf(moved))
})
