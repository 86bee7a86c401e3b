import type { AuditEvent, BundleEntry } from '@medplum/fhirtypes'
import t from 'tap'
import { recordingAccount } from '../../../src/accounts/account-event.ts'
import { openOwnStores } from '../../../src/cli/own-store.ts'
import { auditKeyOf } from '../../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import { verifyAudit, verifyWithin } from '../../../src/storage/audit/seal/verify.ts'
import { type SqlFragment, sql } from '../../../src/storage/sql.ts'
import { openStudies } from '../../support/study.ts'

const world = await openStudies()
const { server, database, send } = world
t.teardown(() => server.close())
const key = auditKeyOf(Buffer.alloc(32, 7))
const { organization, manager } = await world.institution('clinic')
const registered = (name: string) =>
  world.create(manager, {
    resourceType: 'Patient',
    name: [{ family: name }],
    managingOrganization: { reference: `Organization/${organization}` },
  })
const [early, ann, bob] = [await registered('Early'), await registered('Anders'), await registered('Bauer')]
const event = (patient: string): AuditEvent => ({
  resourceType: 'AuditEvent',
  type: { system: 'http://dicom.nema.org/resources/ontology/DCM', code: '110113' },
  recorded: '2026-03-01T12:00:00Z',
  outcomeDesc: 'One was invited',
  agent: [{ requestor: true }],
  source: { observer: { display: 'Elsewhere' } },
  entity: [{ what: { reference: `Patient/${patient}` } }],
})
const verified = async () => {
  await sealAudit(database, key)
  return verifyAudit(database, key)
}
const rowOf = (id: string) =>
  database.one<{ id: string }>(sql.fragment`
    SELECT min(id)::text AS id FROM audit_record WHERE resource = ${id} AND written IS NOT NULL`)
const written = async (patient = ann.id) => {
  const { id } = await world.create('everything', event(patient))
  t.match(await verified(), { kind: 'whole' })
  return { id, row: (await rowOf(id)).id }
}

/** What was found before all of it is undone. */
const rolledBack = (found: unknown) => Object.assign(new Error('rolled back'), { found })

t.test('an AuditEvent that the server wrote is sealed as it was written, and changing it is detected', async t => {
  const changes: Readonly<Record<string, (id: string) => SqlFragment>> = {
    missing: id => sql.fragment`DELETE FROM audit_event WHERE id = ${id}`,
    'not as it was written': id =>
      sql.fragment`UPDATE audit_event SET content = content || '{"outcomeDesc": "Nothing"}' WHERE id = ${id}`,
    'not as it was written, for it is of another organization': id =>
      sql.fragment`UPDATE audit_event SET owner = 'other' WHERE id = ${id}`,
    'not as it was written, for it is of another patient': id =>
      sql.fragment`UPDATE audit_event SET patient_id = (SELECT patient_id FROM patient_compartment WHERE id = ${bob.id}) WHERE id = ${id}`,
  }
  for (const [bad, change] of Object.entries(changes)) {
    const { id, row } = await written()
    await database
      .transaction(async connection => {
        await connection.run(change(id))
        await connection.run(sql.fragment`UPDATE resource_identity AS identity SET patient_id = row.patient_id
          FROM audit_event AS row WHERE row.pk = identity.pk AND row.id = ${id}`)
        throw rolledBack(await verifyWithin(connection, key))
      })
      .catch(({ found }) =>
        t.strictSame(
          found,
          { kind: 'broken', bad: `AuditEvent/${id}, of which row ${row} tells, is ${bad.split(',')[0]}` },
          bad,
        ),
      )
  }
})

t.test('so are several of one commit, and what the server writes by itself', async t => {
  const entry = [ann.id, bob.id, bob.id].map(
    (patient): BundleEntry => ({ request: { method: 'POST', url: 'AuditEvent' }, resource: event(patient) }),
  )
  const answer = await send('everything', 'POST', '', { resourceType: 'Bundle', type: 'transaction', entry })
  t.equal(answer.statusCode, 200)
  const person = await world.create('everything', { resourceType: 'Person' })
  const told = { person: person.id, by: 'operator', action: 'U', told: 'The password was changed' } as const
  await recordingAccount({ database, openStoreAs: await openOwnStores(database) }, told, async () => true)
  t.match(await verified(), { kind: 'whole' })
  const rows = await database.any<{ id: string }>(sql.fragment`SELECT id FROM audit_event ORDER BY pk DESC LIMIT 4`)
  for (const { id } of rows)
    await database
      .transaction(async connection => {
        await connection.run(sql.fragment`DELETE FROM audit_event WHERE id = ${id}`)
        throw rolledBack(await verifyWithin(connection, key))
      })
      .catch(({ found }) => t.match(found, { kind: 'broken', bad: `AuditEvent/${id}, of which row` }))
})

t.test(
  'what was replaced or deleted is found in its history, and what was moved there by tampering is missing',
  async t => {
    const [kept, gone, hidden] = [await written(), await written(), await written()]
    await world.update('everything', { ...event(ann.id), id: kept.id, outcomeDesc: 'Told better' } as AuditEvent)
    const headers = { authorization: 'Bearer everything' }
    const answer = await server.inject({ method: 'DELETE', url: `/fhir/AuditEvent/${gone.id}`, headers })
    t.ok(answer.statusCode < 300)
    t.match(await verified(), { kind: 'whole' })
    for (const { id, row } of [kept, gone])
      await database
        .transaction(async connection => {
          await connection.run(sql.fragment`DELETE FROM audit_event_history WHERE content ->> 'id' = ${id}`)
          throw rolledBack(await verifyWithin(connection, key))
        })
        .catch(({ found }) => t.match(found, { bad: `AuditEvent/${id}, of which row ${row} tells, is missing` }))
    for (const untold of [sql.fragment`SELECT`, sql.fragment`ALTER TABLE audit_event DISABLE TRIGGER note_written`])
      await database
        .transaction(async connection => {
          await connection.run(untold)
          await connection.run(sql.fragment`
          WITH gone AS (DELETE FROM audit_event WHERE id = ${hidden.id} RETURNING *)
          INSERT INTO audit_event_history SELECT patient_id, pk, version, last_updated, 'POST', owner, author, content FROM gone`)
          throw rolledBack(await verifyWithin(connection, key))
        })
        .catch(({ found }) =>
          t.match(found, { bad: `AuditEvent/${hidden.id}, of which row ${hidden.row} tells, is missing` }),
        )
  },
)

t.test('what moves when two records are joined counts as written, and so does what is indexed anew', async t => {
  await written()
  await database.run(sql.fragment`
    SELECT join_compartments((SELECT patient_id FROM patient_compartment WHERE id = ${early.id}),
      (SELECT patient_id FROM patient_compartment WHERE id = ${ann.id}))`)
  t.match(await verified(), { kind: 'whole' })
  await database.run(sql.fragment`UPDATE audit_event SET tokens = '{}'`)
  t.match(await verified(), { kind: 'whole' })
})

t.test('an event that the server wrote is shown once, as it was written', async t => {
  const { id } = await written(bob.id)
  const own = await world.patientToken(bob.id, 'patient/AuditEvent.rs')
  const found = (await send(own, 'GET', `AuditEvent?_count=200`)).json().entry
  const ids = found.map(({ resource }: { resource: AuditEvent }) => resource.id)
  t.equal(ids.filter((one: string) => one === id).length, 1)
  const { shown } = await database.one<{ shown: string }>(sql.fragment`
    SELECT ((SELECT count(*) FROM audit_shown WHERE record = noted.id)
      + (SELECT count(*) FROM audit_installation WHERE record = noted.id))::text AS shown
    FROM audit_record AS noted WHERE resource = ${id} AND written IS NOT NULL`)
  t.equal(shown, '0')
})
