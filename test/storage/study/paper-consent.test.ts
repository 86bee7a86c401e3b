import type { Consent } from '@medplum/fhirtypes'
import t from 'tap'
import type { Caller } from '../../../src/access/caller.ts'
import { inactivationReason } from '../../../src/access/vocabulary.ts'
import { sql } from '../../../src/storage/sql.ts'
import { addPaperRecord, findPaperRecord, isDiscardedPaper } from '../../../src/storage/study/paper-consent.ts'
import * as w from '../model/world.ts'

const weight = 'omh:body-weight'
const { database, put, importer, storeOf, close } = await w.openWorld()
t.teardown(close)
await put(
  w.organization('lab'),
  w.study('sleep', 'lab', [w.requests(weight), w.works('nurse', 'coordinator')]),
  // Of the staff, and a patient as well.
  w.registered('nurse', 'lab'),
  { resourceType: 'Person', id: 'person-nurse', link: [{ target: { reference: 'Patient/nurse' } }] },
)

const own = (id: string) => storeOf(w.patient(id, 'patient/*.cruds patient/Consent.cruds', ['records-consent']))
/** Signed in as the patient who they are. */
const signedIn = (id: string): Caller => ({
  ...w.patient(id, 'patient/*.cruds patient/Consent.cruds', ['records-consent']),
  principal: { kind: 'person', id: `of-${id}` },
  person: { id: `of-${id}` },
})
const reason = { url: inactivationReason, valueCodeableConcept: { text: 'It was not confirmed' } }
const withReason = (consent: Consent): Consent => ({ ...consent, extension: [...(consent.extension ?? []), reason] })

/** For each version of what is written after what was recorded from paper: whether it discards that. */
const discards = async (
  patient: string,
  versions: readonly ((consent: (status: NonNullable<Consent['status']>) => Consent) => Consent)[],
  {
    by = importer,
    later = by,
    recorded = ['1'],
  }: {
    by?: typeof importer
    /** Who writes all versions after the first. */
    later?: typeof importer
    recorded?: readonly string[]
  } = {},
) => {
  await put(w.registered(patient, 'lab'), w.enrols('sleep', patient), {
    resourceType: 'Person',
    id: `of-${patient}`,
    link: [{ target: { reference: `Patient/${patient}` } }],
  })
  const consent = (status: NonNullable<Consent['status']>) => w.consent('sleep', patient, status, [w.permit(weight)])
  const { id = '' } = consent('proposed')
  await put(consent('proposed'))
  for (const version of recorded) await addPaperRecord(database, { consent: id, version, practitioner: 'nurse' })
  for (const [place, version] of versions.entries()) {
    const [written] = await (place === 0 ? by : later).write([{ kind: 'update', id, resource: version(consent) }])
    if (written?.outcome === 'refused') throw written.error
  }
  const found = await database.any<{ is: boolean }>(sql.fragment`
    SELECT ${isDiscardedPaper(sql.fragment`version`)} AS is FROM (
      SELECT patient_id, pk, version, author, content FROM consent WHERE id = ${id}
      UNION ALL
      SELECT patient_id, pk, version, author, content FROM consent_history WHERE content ->> 'id' = ${id}) AS version
    ORDER BY version.version`)
  return found.map(({ is }) => is)
}

t.test('what staff end with a reason before it counted was discarded, and is no answer of the patient', async t => {
  const ending = [(consent: (status: 'inactive') => Consent) => withReason(consent('inactive'))] as const
  t.strictSame(await discards('ann', ending), [false, true])
  await put(w.registered('bea', 'lab'), w.enrols('sleep', 'bea'))
  t.strictSame(await discards('ian', ending, { by: storeOf(w.staff('nurse')) }), [false, true])
})

t.test('what the patient ends, who was not recorded from paper, or what had counted was not discarded', async t => {
  const ending = [(consent: (status: 'inactive') => Consent) => withReason(consent('inactive'))] as const
  for (const [patient, answer] of [
    ['bob', discards('bob', ending, { by: own('bob') })],
    ['cay', discards('cay', ending, { by: storeOf(signedIn('cay')) })],
    ['dan', discards('dan', ending, { recorded: [] })],
    ['eve', discards('eve', ending, { recorded: ['2'] })],
    ['fay', discards('fay', [consent => consent('inactive')])],
    ['gil', discards('gil', [consent => withReason(consent('rejected'))])],
  ] as const)
    t.strictSame(await answer, [false, false], patient)
  t.strictSame(
    await discards('hal', [consent => consent('active'), ...ending]),
    [false, false, false],
    'it had counted',
  )
})

t.test('what was discarded stays so if staff write it once more, until the patient says so themselves', async t => {
  const ending = (consent: (status: 'inactive') => Consent) => withReason(consent('inactive'))
  const because = (text: string) => (consent: (status: 'inactive') => Consent) => {
    const { extension = [], ...rest } = consent('inactive')
    return { ...rest, extension: [...extension, { ...reason, valueCodeableConcept: { text } }] }
  }
  const thrice = [ending, because('It was of another patient'), because('It was illegible')]
  t.strictSame(await discards('jil', thrice, { by: storeOf(w.staff('nurse')) }), [false, true, true, true])
  t.strictSame(await discards('kim', thrice, { later: own('kim') }), [false, true, false, false])
  t.strictSame(await discards('lea', thrice, { by: own('lea'), later: importer }), [false, false, false, false])
  const without = (consent: (status: 'inactive') => Consent) => consent('inactive')
  t.strictSame(await discards('max', [ending, without, ending]), [false, true, false, false], 'it was ended otherwise')
})

t.test('who recorded which version, and when, is found for that version alone', async t => {
  const found = await findPaperRecord(database, 'consent-sleep-ann', '1')
  t.match(found, { practitioner: /^nurse$/, recordedAt: Date })
  t.equal(await findPaperRecord(database, 'consent-sleep-ann', '2'), undefined)
  t.equal(await findPaperRecord(database, 'consent-sleep-dan', '1'), undefined)
})
