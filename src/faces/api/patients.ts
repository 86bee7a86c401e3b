import type { Patient } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import { FhirError } from '../../fhir/error.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Asking } from './asking.ts'
import { organizationsBy, rolesOf, toOrganization } from './organizations.ts'

export const presentPatients = async (asking: Asking, patients: readonly Patient[]) => {
  const organizations = await organizationsBy(asking, patients.map(registeringOf))
  const roles = await rolesOf(asking)
  return patients.map(patient => {
    const organization = organizations.get(registeringOf(patient) ?? '')
    return { ...toPatient(patient), organizations: organization ? [toOrganization(organization, roles)] : [] }
  })
}

export const presentPatient = async (asking: Asking, patient: Patient) => (await presentPatients(asking, [patient]))[0]

/** The Patient that the caller is. An app that accepted an invitation by itself gets only the id, which is in its token anyway. */
export const ownPatient = async ({ caller, read }: Asking): Promise<Patient> => {
  const id = requirePatient(caller)
  return caller.unproven === undefined ? read<Patient>('Patient', id) : { resourceType: 'Patient', id }
}

/** The same, even if the caller may read nothing about themself. */
export const profilePatient = async ({ caller, look }: Asking): Promise<Patient> => {
  const id = requirePatient(caller)
  return (await look<Patient>('Patient', id)) ?? { resourceType: 'Patient', id }
}

const requirePatient = ({ patient, practitioner }: Caller): string => {
  if (patient !== undefined && practitioner === undefined) return patient
  throw new FhirError('forbidden', 'This is for patients, and the token is not a patient’s')
}

/** The same, without anything that identifies somebody. */
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
  const of = (system: string) => telecom.find(one => one.system === system && one.use !== 'old')?.value ?? null
  return {
    id,
    // There are no numbers of users here: a patient is known by a single id.
    jheUserId: id,
    identifiers: identifier.map(({ system, value }, index) => ({
      id: index + 1,
      system: system ?? null,
      value: value ?? null,
    })),
    nameFamily: name[0]?.family ?? null,
    nameGiven: name[0]?.given?.filter(Boolean).join(' ') ?? null,
    birthDate: birthDate ?? null,
    telecomPhone: of('phone'),
    telecomEmail: of('email'),
  }
}

const registeringOf = ({ managingOrganization }: Patient) => namedId(managingOrganization, 'Organization')
