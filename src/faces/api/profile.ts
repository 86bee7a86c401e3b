import type { Practitioner } from '@medplum/fhirtypes'
import type { Asking } from './asking.ts'
import { profilePatient, toProfilePatient } from './patients.ts'
import { knownAs } from './studies.ts'

/** Who the holder of the token is, as far as its scopes allow. */
export const profileOf = async (asking: Asking) => {
  const { caller, look } = asking
  if (caller.practitioner === undefined && caller.patient !== undefined) {
    const patient = await profilePatient(asking)
    return {
      id: caller.person?.id ?? patient.id,
      patient: await toProfilePatient(asking, patient),
      userType: 'patient',
      isSuperuser: false,
    }
  }
  const self =
    caller.practitioner === undefined ? undefined : await look<Practitioner>('Practitioner', caller.practitioner)
  const study = await asking.findOwnStudy()
  return {
    id: caller.person?.id ?? caller.client.id,
    email: self?.telecom?.find(({ system, use }) => system === 'email' && use !== 'old')?.value ?? '',
    firstName: self?.name?.[0]?.given?.join(' ') ?? '',
    lastName: self?.name?.[0]?.family ?? self?.name?.[0]?.text ?? '',
    patient: null,
    userType: caller.practitioner === undefined ? null : 'practitioner',
    isSuperuser: caller.administrator,
    settings: {
      currentStudyId: study === undefined ? null : knownAs(study),
      currentOrganizationId: caller.organizations[0] ?? null,
    },
  }
}
