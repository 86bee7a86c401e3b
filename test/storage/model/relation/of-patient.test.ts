import type { Consent, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { FhirError } from '../../../../src/fhir/error.ts'
import { compileInvited, compileUnanswered } from '../../../../src/storage/model/relation/of-patient.ts'
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

t.test(
  'an answer that somebody else has given to the study since stands in the way, and nothing else does',
  async t => {
    const begun = new Date()
    const importing = { kind: 'client', id: 'importer' } as const
    const app = { kind: 'client', id: 'app' } as const
    await put(
      ...['cay', 'dan'].map(who => w.registered(who, 'home-ann')),
      ...['asking', 'beside'].map(study => w.study(study, 'sponsor-ann', [w.requests(weight)])),
      ...['cay', 'dan'].map(who => w.enrols('asking', who)),
      w.enrols('beside', 'cay'),
      treatment('cay', 'Practitioner/stranger-bob'),
    )
    type Asked = Omit<Parameters<typeof compileUnanswered>[0], 'kind'>
    const isUnanswered = async (more: Partial<Asked> = {}, patient = 'cay') => {
      const asked = { kind: 'unanswered', study: 'asking', since: begun.toISOString(), but: app, ...more } as const
      const row = { type: 'Consent', row: sql.fragment`row` } as never
      return (
        (await database.maybeOne(sql.fragment`
        SELECT FROM patient AS row WHERE row.id = ${patient} AND ${compileUnanswered(asked, row)}`)) !== undefined
      )
    }
    const to = (status: 'proposed' | 'active') => w.consent('asking', 'cay', status, [w.permit(weight)])
    t.equal(await isUnanswered(), true)
    await put(to('proposed'))
    t.equal(await isUnanswered(), true, 'what is only proposed is no answer')
    await put(to('active'))
    t.equal(await isUnanswered(), false)
    t.equal(await isUnanswered({ but: { kind: 'patient', id: 'importer' } }), false)
    t.equal(await isUnanswered({ but: importing }), true, 'their own')
    t.equal(await isUnanswered({ since: new Date(Date.now() + 60_000).toISOString() }), true, 'before')
    t.equal(await isUnanswered({ study: 'beside' }), true, 'to another study')
    t.equal(await isUnanswered({}, 'dan'), true, 'of somebody else')
  },
)
