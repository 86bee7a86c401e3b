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
type Worked = {
  readonly isLast: boolean
  readonly openStoreFor: () => void
  readonly reportFault: unknown
  readonly askForAction?: (action: string) => Promise<unknown>
  /** What happens between the moment when it was asked for and that when it is worked on. */
  readonly before?: () => Promise<unknown>
}
/** Works once on what is waiting, as the queue would. */
const work = async ({ isLast, before, ...parts }: Worked): Promise<void> => {
  const working: Promise<unknown>[] = []
  const queue = {
    ask: async () => {},
    work: async (run: (id: string, attempt: object) => Promise<void>) => {
      const ids = await waiting()
      await before?.()
      for (const id of ids) working.push(run(id, { isLast: () => isLast }).catch((error: unknown) => error))
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

t.test(
  'those of a list who are to be enrolled are, even if the server stopped just after it was registered',
  async t => {
    const id = await add('carol')
    await database.run(sql.fragment`UPDATE patient_import SET action = 'enrolling' WHERE id = ${id}`)
    const asked: string[] = []
    const askForAction = async (action: string) => asked.push(action)
    const openStoreFor = () => t.fail('nothing of it is registered again')
    const end = () => database.run(sql.fragment`UPDATE patient_import SET state = 'imported' WHERE id = ${id}`)
    await work({ isLast: false, openStoreFor, reportFault: t.fail, askForAction, before: end })
    t.strictSame(asked, ['enrolling'])
  },
)
