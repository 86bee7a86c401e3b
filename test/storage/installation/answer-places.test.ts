import t from 'tap'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { reindex } from '../../../src/storage/installation/reindex.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openNewcomers } from '../../support/newcomers.ts'

const world = await openNewcomers()
const { server, database, manager, newcomer, said } = world
t.teardown(() => server.close())

t.test('what was stored before is brought up to date by reindex, and nothing else is', async t => {
  const [early, other] = [await newcomer('Kim'), await newcomer('Lou')]
  const given = await early.gives()
  await other.gives()
  await database.run(sql.fragment`
    UPDATE research_subject SET content = (content - 'consent') || '{"status": "candidate"}' WHERE id = ${early.place}`)
  const [registry, classes] = [loadRegistry(), openCodeClasses()]
  const derive = () => reindex({ database, dictionaryConnection: database, registry, classes })
  await derive()
  t.strictSame(await said(early.place), ['3', 'on-study', `Consent/${given.id}`])
  t.strictSame((await world.pages(manager, `ResearchSubject?status=on-study&_id=${early.place}`)).length, 1)
  t.equal((await said(other.place))[0], '2')
  const recorded = () =>
    database.any(sql.fragment`
      SELECT compartment.id AS patient, type, interaction, record.client FROM audit_record AS record
      JOIN patient_compartment AS compartment ON record.patients = ARRAY[compartment.patient_id]
      WHERE record.operation = 'reindex'`)
  const once = [{ patient: early.patient, type: 'ResearchSubject', interaction: 'update', client: 'cli' }]
  t.strictSame(await recorded(), once, 'the patient is told of it')
  await derive()
  t.strictSame(await recorded(), once)
  t.equal((await said(early.place))[0], '3')
})
