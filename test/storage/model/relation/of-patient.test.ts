import type { Consent, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { FhirError } from '../../../../src/fhir/error.ts'
import { compileInvited } from '../../../../src/storage/model/relation/of-patient.ts'
import { sql } from '../../../../src/storage/sql.ts'
import * as w from '../world.ts'

const weight = 'omh:body-weight'
const world = await w.openWorld()
t.teardown(world.close)
const { database, put, see, storeOf, importer } = world

const practitioner = (id: string): Resource => ({ resourceType: 'Practitioner', id })
const registered = (id: string, organization: string, generalPractitioner: string): Resource => ({
  ...(w.registered(id, organization) as object),
  resourceType: 'Patient',
  generalPractitioner: [{ reference: `Practitioner/${generalPractitioner}` }],
})
/** To somebody who is no study. */
const treatment = (patient: string, actor: string): Consent => ({
  ...w.consent('none', patient, 'active', [w.permit(weight)]),
  id: `${patient}-to-${actor.replace('/', '-')}`,
  extension: [],
  scope: { coding: [{ code: 'patient-privacy' }] },
  provision: {
    type: 'deny',
    actor: [{ role: { coding: [{ code: 'IRCP' }] }, reference: { reference: actor } }],
    provision: [w.permit(weight)],
  },
})

/** Of each of the two the same, so that whatever one of them sees of the other is too much. */
for (const who of ['ann', 'bob'])
  await put(
    ...['sponsor', 'home', 'hospital', 'once'].map(name => w.organization(`${name}-${who}`)),
    ...['staff', 'doctor', 'clinician', 'stranger'].map(name => practitioner(`${name}-${who}`)),
    w.role(`doctor-${who}`, `home-${who}`, 'viewer'),
    registered(who, `home-${who}`, `doctor-${who}`),
    w.study(`in-${who}`, `sponsor-${who}`, [w.requests(weight), w.works(`staff-${who}`, 'researcher')]),
    w.study(`left-${who}`, `once-${who}`, [w.requests(weight)]),
    w.enrols(`in-${who}`, who),
    w.enrols(`left-${who}`, who),
    w.consent(`left-${who}`, who, 'active', [w.permit(weight)]),
    treatment(who, `Practitioner/clinician-${who}`),
    treatment(who, `Organization/hospital-${who}`),
  )
for (const who of ['ann', 'bob'])
  await importer.write([{ kind: 'delete', type: 'ResearchSubject', id: `left-${who}-${who}` }])

t.test(
  'a patient sees their own studies, and whoever these, their record or their consents name, and nobody else',
  async t => {
    const types = ['ResearchStudy', 'Organization', 'Practitioner'] as const
    for (const who of ['ann', 'bob']) {
      const own = storeOf(w.patient(who, types.map(type => `patient/${type}.rs`).join(' ')))
      const seen = async (type: (typeof types)[number]) => see(own, type)
      t.strictSame(await seen('ResearchStudy'), [`in-${who}`, `left-${who}`], who)
      t.strictSame(
        await seen('Organization'),
        ['home', 'hospital', 'once', 'sponsor'].map(name => `${name}-${who}`),
        who,
      )
      t.strictSame(
        await seen('Practitioner'),
        ['clinician', 'doctor', 'staff'].map(name => `${name}-${who}`),
        who,
      )
    }
  },
)

t.test('a consent is given to a study to which the patient was invited, or to none, and to no other study', async t => {
  const own = storeOf(w.patient('ann', 'patient/*.cruds patient/Consent.cruds', ['records-consent']))
  const giving = async (consent: Consent) => {
    const { id: _, ...resource } = consent
    const [written] = await own.write([
      { kind: 'create', resource: { ...resource, dateTime: new Date().toISOString() } },
    ])
    if (written?.outcome !== 'refused') return written?.outcome
    return written.error instanceof FhirError ? written.error.status : 500
  }
  const to = (study: string) => giving(w.consent(study, 'ann', 'active', [w.permit(weight)]))
  t.equal(await to('in-ann'), 'created')
  t.equal(await to('in-bob'), 403)
  t.equal(await giving(treatment('ann', 'Practitioner/stranger-bob')), 'created')
})

t.test('only a place that somebody has now makes a study theirs now', async t => {
  const studies = async () => {
    const found = await database.any<{ id: string }>(sql.fragment`
      SELECT row.id FROM research_study AS row
      WHERE ${compileInvited({ kind: 'invited', patient: 'ann', now: true }, { type: 'ResearchStudy', row: sql.fragment`row` } as never)}`)
    return found.map(({ id }) => id)
  }
  t.strictSame(await studies(), ['in-ann'])
  await put(w.enrols('in-ann', 'ann', 'withdrawn'))
  t.strictSame(await studies(), [])
})
