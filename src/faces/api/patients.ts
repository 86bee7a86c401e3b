import type { Patient } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import type { Asking } from './asking.ts'
import { idIn, organizationsBy, rolesOf, toOrganization } from './organizations.ts'

export const presentPatients = async (asking: Asking, patients: readonly Patient[]) => {
  const organizations = await organizationsBy(asking, patients.map(registeringOf))
  const roles = await rolesOf(asking)
  return patients.map(patient => {
    const organization = organizations.get(registeringOf(patient) ?? '')
    return { ...toPatient(patient), organizations: organization ? [toOrganization(organization, roles)] : [] }
  })
}

export const presentPatient = async (asking: Asking, patient: Patient) => (await presentPatients(asking, [patient]))[0]

/** Of the caller themself: where they may not read their own Patient, nothing but its id. */
export const ownPatient = async (asking: Asking): Promise<Patient> => {
  const { caller, look } = asking
  if (caller.patient === undefined || caller.practitioner !== undefined)
    throw new FhirError('forbidden', 'This is for patients: whom the token stands for is none')
  const own: Patient = { resourceType: 'Patient', id: caller.patient }
  return (await look<Patient>('Patient', caller.patient)) ?? own
}

/** The same, without what names anybody. */
export const toProfilePatient = async (asking: Asking, patient: Patient) => {
  const { id, jheUserId, identifiers, organizations } = {
    ...toPatient(patient),
    organizations: [],
    ...(await presentPatient(asking, patient)),
  }
  return { id, jheUserId, identifiers, organizations }
}

export const toFoundPatient = (patient: Patient) => {
  const { id, jheUserId, identifiers } = toPatient(patient)
  return { id, jheUserId, identifiers }
}

const toPatient = ({ id, identifier = [], name = [], birthDate, telecom = [] }: Patient) => {
  const of = (system: string) => telecom.find(one => one.system === system)?.value ?? null
  return {
    id,
    // There are no numbers of users here: a patient is known by one id.
    jheUserId: id,
    identifiers: identifier.map(({ system, value }, index) => ({
      id: index + 1,
      system: system ?? null,
      value: value ?? null,
    })),
    nameFamily: name[0]?.family ?? null,
    nameGiven: name[0]?.given?.join(' ') ?? null,
    birthDate: birthDate ?? null,
    telecomPhone: of('phone'),
    telecomEmail: of('email'),
  }
}

const registeringOf = ({ managingOrganization }: Patient) => idIn(managingOrganization?.reference, 'Organization')
