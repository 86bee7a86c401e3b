import t from 'tap'
import { auditKeyOf } from '../../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import { readDisclosures } from '../../../src/storage/audit/shown/disclosures.ts'
import { openStudies } from '../../support/study.ts'

const world = await openStudies()
const { server, database, create, send, token } = world
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
