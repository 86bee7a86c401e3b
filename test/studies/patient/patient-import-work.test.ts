import t from 'tap'
import { FhirError } from '../../../src/fhir/error.ts'
import { addImport, readImport } from '../../../src/storage/organization/patient-import.ts'
import { sql } from '../../../src/storage/sql.ts'
import { workOnImports } from '../../../src/studies/patient/patient-import-work.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

const { server, database } = await fhirWorld()
t.teardown(() => server.close())

const add = (person: string) => {
  const lines = [{ line: 2, patient: { resourceType: 'Patient' as const, name: [{ family: 'Ann' }] } }]
  return addImport(database, { person, organization: 'clinic', study: undefined, lines })
}
type Worked = { readonly isLast: boolean; readonly openStoreFor: () => void; readonly reportFault: unknown }
/** Works once on what is waiting, as the queue would. */
const work = async ({ isLast, ...parts }: Worked): Promise<void> => {
  const working: Promise<unknown>[] = []
  const queue = {
    ask: async () => {},
    work: async (run: (id: string, attempt: object) => Promise<void>) => {
      for (const id of await waiting()) working.push(run(id, { isLast: () => isLast }).catch((error: unknown) => error))
    },
  }
  const { close } = await workOnImports({ database, accounts: { database }, queue, ...parts } as never)
  close()
  const failed = (await Promise.all(working)).find(error => error !== undefined)
  if (failed !== undefined) throw failed
}
const waiting = async () =>
  (await database.any<{ id: string }>(sql.fragment`SELECT id FROM patient_import WHERE state = 'checking'`)).map(
    ({ id }) => id,
  )

t.test('a list of somebody who was barred meanwhile is not worked on', async t => {
  await database.run(sql.fragment`INSERT INTO barred_person VALUES ('mallory')`)
  const id = await add('mallory')
  const openStoreFor = () => t.fail('nobody acts as them')
  await work({ isLast: false, openStoreFor, reportFault: t.fail })
  t.match(await readImport(database, id), { state: 'failed', reason: 'You may not do this, or no longer' })
})

t.test('a list that takes too long is tried again, and not reported as a matter of rights', async t => {
  const id = await add('carol')
  const slow = new FhirError('too-costly', 'Answering this takes longer than allowed')
  const openStoreFor = () => {
    throw slow
  }
  const faults: unknown[] = []
  const reportFault = (fault: unknown) => faults.push(fault)
  await t.rejects(work({ isLast: false, openStoreFor, reportFault }), slow)
  t.match(await readImport(database, id), { state: 'checking' })
  await work({ isLast: true, openStoreFor, reportFault })
  t.match(await readImport(database, id), { state: 'failed', reason: 'Something went wrong on this server' })
  t.strictSame(faults, [slow, slow])
})
