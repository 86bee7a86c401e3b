import t from 'tap'
import { addImport, readImport } from '../../src/storage/patient-import.ts'
import { sql } from '../../src/storage/sql.ts'
import { workOnImports } from '../../src/studies/patient-import-work.ts'
import { fhirWorld } from '../support/fhir-server.ts'

const { server, database } = await fhirWorld()
t.teardown(() => server.close())

t.test('a list of somebody who is barred meanwhile is not worked on', async t => {
  await database.run(sql.fragment`INSERT INTO barred_person VALUES ('mallory')`)
  const lines = [{ line: 2, patient: { resourceType: 'Patient' as const, name: [{ family: 'Ann' }] } }]
  const id = await addImport(database, { person: 'mallory', organization: 'clinic', study: undefined, lines })
  const working: Promise<void>[] = []
  const queue = {
    ask: async () => {},
    work: async (run: (id: string, attempt: object) => Promise<void>) => {
      working.push(run(id, { isLast: false }))
    },
  }
  const openStoreFor = () => t.fail('nobody acts as them')
  const { close } = await workOnImports({
    database,
    accounts: { database },
    openStoreFor,
    queue,
    reportFault: t.fail,
  } as never)
  await Promise.all(working)
  close()
  t.match(await readImport(database, id), { state: 'failed', reason: 'You may not do this, or no longer' })
})
