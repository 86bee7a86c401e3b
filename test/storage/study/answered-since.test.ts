import type { Consent } from '@medplum/fhirtypes'
import t from 'tap'
import { inactivationReason } from '../../../src/access/vocabulary.ts'
import { sql } from '../../../src/storage/sql.ts'
import { hasAnsweredSince } from '../../../src/storage/study/answered-since.ts'
import { addPaperRecord } from '../../../src/storage/study/paper-consent.ts'
import * as w from '../model/world.ts'

const weight = 'omh:body-weight'
const { database, put, importer, close } = await w.openWorld()
t.teardown(close)

await put(
  w.organization('lab'),
  ...['sleep', 'heart'].flatMap(study => [
    w.study(study, 'lab', [w.requests(weight)]),
    ...['ann', 'bob'].flatMap(patient => [w.registered(patient, 'lab'), w.enrols(study, patient)]),
  ]),
)
const given = (study: string, patient: string, status: NonNullable<Consent['status']> = 'active') =>
  w.consent(study, patient, status, [w.permit(weight)])
const now = async () => (await database.one<{ now: Date }>(sql.fragment`SELECT clock_timestamp() AS now`)).now
/** Of all places, those that have answered their study since then. */
const answeredSince = async (moment: Date) => {
  const since = sql.fragment`${moment.toISOString()}::timestamptz`
  const places = await database.any<{ id: string }>(sql.fragment`
    SELECT id FROM enrolment WHERE ${hasAnsweredSince(sql.fragment`enrolment.id`, sql.fragment`enrolment.study_id`, since)} ORDER BY id`)
  return places.map(({ id }) => id)
}

t.test('whoever gave, changed or deleted an answer to the study since has answered it, and nobody else', async t => {
  const begun = await now()
  t.strictSame(await answeredSince(begun), [])
  await put(given('sleep', 'ann'), given('heart', 'bob'))
  t.strictSame(await answeredSince(begun), ['heart-bob', 'sleep-ann'], 'given')
  const after = await now()
  t.strictSame(await answeredSince(after), [], 'that was before')
  await put(given('sleep', 'ann', 'inactive'))
  t.strictSame(await answeredSince(after), ['sleep-ann'], 'changed')
  await put(given('sleep', 'bob'), given('sleep', 'bob', 'inactive'))
  const later = await now()
  await importer.write([{ kind: 'delete', type: 'Consent', id: 'consent-heart-bob' }])
  t.strictSame(await answeredSince(later), ['heart-bob'], 'deleted')
  t.strictSame(await answeredSince(await now()), [], 'that was before, too')
  t.strictSame(await answeredSince(begun), ['heart-bob', 'sleep-ann', 'sleep-bob'])
})

t.test('what staff propose is no answer, and neither is a paper that they record and discard', async t => {
  await put(...['cay', 'dan'].flatMap(patient => [w.registered(patient, 'lab'), w.enrols('sleep', patient)]))
  const begun = await now()
  const proposed = ['cay', 'dan'].map(patient => given('sleep', patient, 'proposed'))
  await put(...proposed)
  t.strictSame(await answeredSince(begun), [], 'proposed')
  await addPaperRecord(database, { consent: 'consent-sleep-cay', version: '1', practitioner: 'nurse' })
  const why = { url: inactivationReason, valueCodeableConcept: { text: 'It was not confirmed' } }
  for (const { extension = [], ...rest } of proposed)
    await put({ ...rest, status: 'inactive', extension: [...extension, why] })
  t.strictSame(await answeredSince(begun), ['sleep-dan'], 'only the one of them that was not on paper was ended')
})
