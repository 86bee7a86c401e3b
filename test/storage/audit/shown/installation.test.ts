import type { Person } from '@medplum/fhirtypes'
import t from 'tap'
import { openAccount } from '../../../../src/storage/account/user-account.ts'
import { type AuditRecord, insertRecords } from '../../../../src/storage/audit/record.ts'
import { sealAudit } from '../../../../src/storage/audit/seal/seal.ts'
import { sql } from '../../../../src/storage/sql.ts'
import * as w from '../../model/world.ts'
import { key } from '../recorded.ts'

const world = await w.openWorld()
t.teardown(world.close)
const { database, put } = world

const person = (id: string, ...links: readonly string[]): Person => ({
  resourceType: 'Person',
  id,
  link: links.map(reference => ({ target: { reference } })),
})
await put(
  w.organization('clinic'),
  { resourceType: 'Practitioner', id: 'nurse' },
  w.registered('ann', 'clinic'),
  person('root'),
  person('of-nurse', 'Practitioner/nurse'),
  person('of-ann', 'Patient/ann'),
)
await openAccount(database, 'root@example.org', 'root')
await database.run(sql.fragment`UPDATE user_account SET administrator = TRUE WHERE person = 'root'`)
const { ann } = await database.one<{ ann: number }>(
  sql.fragment`SELECT patient_id AS ann FROM patient_compartment WHERE id = 'ann'`,
)

/** Whether administrators of the installation are told of what is recorded. */
const isTold = async (more: Partial<AuditRecord>): Promise<boolean> => {
  const created = { person: 'root', client: 'cli', interaction: 'create', type: 'Organization', outcome: 201 }
  await insertRecords(database, [{ ...created, patients: [], ...more }])
  await sealAudit(database, key)
  return (
    (await database.maybeOne(sql.fragment`
      SELECT FROM audit_installation WHERE record = (SELECT max(id) FROM audit_record)`)) !== undefined
  )
}
const nurse = { person: 'of-nurse' }
const read = { interaction: 'read', resource: 'x' }
const told: Readonly<Record<string, Partial<AuditRecord>>> = {
  'what is written about organizations': {},
  'what is written about the account of somebody who works here': { type: 'Person', resource: 'of-nurse' },
  'what staff look for in vain': { ...nurse, ...read, outcome: 404 },
  'what an administrator is refused, whatever it is': { ...read, type: 'Patient', outcome: 403 },
  'a sign-in of staff': { ...nurse, interaction: 'sign-in', outcome: 200 },
}
const untold: Readonly<Record<string, Partial<AuditRecord>>> = {
  'what is read': { ...read, outcome: 200 },
  'what is written about types that may be of patients': { type: 'Patient' },
  'what concerned a patient': { patients: [ann] },
  'what somebody did as a patient': { patient: 'ann' },
  'what was done for a study': { study: 'some' },
  'what somebody did who does not work here': { person: 'of-ann' },
  'what is written about the account of somebody who does not work here': { type: 'Person', resource: 'of-ann' },
  'what staff are refused of patients': { ...nurse, ...read, type: 'Patient', outcome: 403 },
  'a sign-in of a patient': { person: 'of-ann', interaction: 'sign-in', outcome: 200 },
}

for (const [name, record] of Object.entries(told))
  t.test(`administrators are told of ${name}`, async t => {
    t.equal(await isTold(record), true)
  })

for (const [name, record] of Object.entries(untold))
  t.test(`administrators are not told of ${name}`, async t => {
    t.equal(await isTold(record), false)
  })

t.test('of what an administrator is refused, no resource is named that may be of a patient', async t => {
  t.equal(await isTold({ ...read, type: 'Observation', outcome: 403 }), true)
  const { content } = await database.one<{ content: object }>(
    sql.fragment`SELECT content FROM audit_installation ORDER BY record DESC LIMIT 1`,
  )
  t.match(JSON.stringify(content), '"Observation"')
  t.notMatch(JSON.stringify(content), 'Observation/x')
})
