import type { ResearchSubject } from '@medplum/fhirtypes'
import { consent, openStudies } from './study.ts'

/** A study of an institution, and people who come into it one after the other and have said nothing yet. */
export const openNewcomers = async () => {
  const world = await openStudies({ REFERENTIAL_INTEGRITY: 'on' })
  const { create, enrol, institution, patientToken, send } = world
  const kinds = ['omh:heart-rate', 'omh:body-weight']
  const { organization, manager } = await institution('lab')
  const hearts = await world.study(manager, organization, 'Hearts', kinds)
  const newcomer = async (name: string, study = hearts.id) => {
    const { id: patient } = await create(manager, {
      resourceType: 'Patient',
      name: [{ family: name }],
      managingOrganization: { reference: `Organization/${organization}` },
    })
    const { id: place } = await enrol(manager, study, patient)
    const own = await patientToken(
      patient,
      'patient/*.cruds patient/Consent.cruds patient/ResearchStudy.rs patient/Organization.rs',
    )
    const gives = (of = kinds) => create(own, consent(patient, study, organization, of))
    return { patient, place, own, gives }
  }
  const placeOf = async (id: string): Promise<ResearchSubject> =>
    (await send(manager, 'GET', `ResearchSubject/${id}`)).json()
  /** The version of the place, its status, and which Consent it names. */
  const said = async (id: string) => {
    const { status, consent, meta } = await placeOf(id)
    return [meta?.versionId, status, consent?.reference]
  }
  return { ...world, kinds, organization, manager, hearts, newcomer, placeOf, said }
}
