import type { Patient } from '@medplum/fhirtypes'
import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { clinicalConsent } from '../../support/clinical-consent.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import * as w from '../model/world.ts'

const world = await w.openWorld()
t.teardown(world.close)
const { database, put } = world
const named = (family: string, more: Partial<Patient> = {}): Patient => ({
  ...(w.registered('ann', 'lab') as Patient),
  name: [{ family }],
  ...more,
})
const gives = { ...clinicalConsent('ann', { to: 'Practitioner/carol', kinds: ['omh:heart-rate'] }), id: 'to-carol' }
await put(
  w.organization('lab'),
  { resourceType: 'Practitioner', id: 'carol' },
  w.study('open', 'lab', [w.requests('omh:heart-rate')]),
  named('Before'),
)

const called = () => database.any(sql.fragment`SELECT named FROM enrolment UNION ALL SELECT named FROM care_consent`)

t.test('a place and a Consent are written while the record of their patient is being changed', async t => {
  await database.writing(async connection => {
    await connection.run(sql.fragment`SELECT FROM patient WHERE id = 'ann' FOR UPDATE`)
    await put(w.enrols('open', 'ann'), gives)
  })
  t.same(await called(), [{ named: 'before' }, { named: 'before' }])
})

t.test(
  'what a patient is called is written beside their place and Consent in their turn, and locks neither before',
  async t => {
    let renamed: Promise<void> | undefined
    await database.writing(async connection => {
      await connection.run(sql.fragment`
      SELECT pg_advisory_xact_lock(hashtext('consent'), patient_id) FROM patient_compartment WHERE id = 'ann'`)
      renamed = put(named('After', { gender: 'other' }))
      await someoneWaits(connection)
      await connection.run(sql.fragment`SELECT FROM enrolment FOR UPDATE NOWAIT`)
      await connection.run(sql.fragment`SELECT FROM care_consent FOR UPDATE NOWAIT`)
    })
    await renamed
    t.same(await called(), [{ named: 'after' }, { named: 'after' }])
  },
)
