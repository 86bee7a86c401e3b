import t from 'tap'
import { insertRecords } from '../../../src/storage/audit/record.ts'
import { auditKeyOf } from '../../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import { readDisclosures } from '../../../src/storage/audit/shown/disclosures.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openStudies } from '../../support/study.ts'

const world = await openStudies()
const { server, database, create, update, send, token } = world
t.teardown(() => server.close())
const { organization, manager } = await world.institution('clinic')
const study = await world.study(manager, organization, 'Hearts', ['omh:heart-rate'])
const { id: patient } = await create(manager, {
  resourceType: 'Patient',
  name: [{ family: 'Anders' }],
  managingOrganization: { reference: `Organization/${organization}` },
})
await world.staffToken(study.researcher, 'user/*.rs')

t.test('what staff read with an app that was opened for a patient is no access of the patient’s own', async t => {
  const { person, practitioner } = study.researcher
  const subject = { kind: 'user', person, launchPatient: patient } as const
  const staffs = await token({ subject, scope: 'user/Patient.rs launch' })
  const patients = await token({ subject: { kind: 'patient', patient }, scope: 'patient/Patient.rs' })
  const since = new Date()
  for (const bearer of [staffs, patients]) t.equal((await send(bearer, 'GET', `Patient/${patient}`)).statusCode, 200)
  await sealAudit(database, auditKeyOf(Buffer.alloc(32, 7)))
  const told = await readDisclosures(database, { patient, since })
  t.same(
    told.map(({ practitioner: who, type }) => [who, type]),
    [[practitioner, 'Patient']],
  )
})

t.test(
  'an account says who it was and by which app, as they were called then, and whose officers were told',
  async t => {
    const { person, practitioner } = study.researcher
    const key = auditKeyOf(Buffer.alloc(32, 7))
    const { id: second } = await create(manager, {
      resourceType: 'Patient',
      managingOrganization: { reference: `Organization/${organization}` },
    })
    await sealAudit(database, key)
    const since = new Date()
    const staffs = await token({ subject: { kind: 'user', person }, scope: 'user/Patient.rs' })
    for (const url of [`Patient/${patient}`, `Patient?_id=${patient},${second}`])
      t.equal((await send(staffs, 'GET', url)).statusCode, 200)
    const { number } = await database.one<{ number: number }>(
      sql.fragment`SELECT patient_id AS number FROM patient_compartment WHERE id = ${patient}`,
    )
    const read = { client: 'cli', interaction: 'read', type: 'Patient', outcome: 200 }
    await insertRecords(database, [{ ...read, person: 'of-no-staff', patients: [number] }])
    await sealAudit(database, key)
    const stored = (await send(manager, 'GET', `Practitioner/${practitioner}`)).json()
    await update(manager, { ...stored, name: [{ text: 'Called otherwise since' }] })
    await database.run(sql.fragment`UPDATE client SET name = 'Called otherwise since' WHERE id = 'cli'`)
    const told = await readDisclosures(database, { patient, since })
    const staff = { who: 'Hearts-researcher', client: 'Command line', organization }
    t.same(
      told.map(({ who, client, organization: of, interaction }) => ({ who, client, organization: of, interaction })),
      [
        { who: 'of-no-staff', client: 'Command line', organization: null, interaction: 'read' },
        { ...staff, interaction: 'search-type' },
        { ...staff, interaction: 'read' },
      ],
    )
  },
)
