import type { ResourceType } from '@medplum/fhirtypes'

/**
 * Today's clients search every type by patients: `patient`, `patient.identifier`, `patient.organization` and `patient._has:Group:member:_id`. If
 * R4 has no such parameter, one with the same result is used.
 */
export const byPatients = (type: ResourceType, query: URLSearchParams): URLSearchParams => {
  const way = ways[type]
  return way === undefined ? query : new URLSearchParams([...query].map(([name, value]) => along(way, name, value)))
}

/** Parameters of the type that mean the same. `patient` is the prefix for searching patients by any parameter of theirs. */
type Way = { readonly patient?: string; readonly same: Readonly<Record<string, string>> }

const inStudy = '_has:Group:member:_id'
const rolesIn = '_has:PractitionerRole:practitioner:organization'

const ways: Partial<Readonly<Record<ResourceType, Way>>> = {
  // Observations are never members of a Group; old clients leave out the `patient` of the contract.
  Observation: { same: { [inStudy]: `patient.${inStudy}` } },
  Patient: { patient: '', same: {} },
  Group: {
    patient: 'member:Patient.',
    same: { [`patient.${inStudy}`]: '_id', 'patient.organization': 'managing-entity' },
  },
  Organization: {
    patient: '_has:Patient:organization:',
    same: { [`patient.${inStudy}`]: '_has:Group:managing-entity:_id', 'patient.organization': '_id' },
  },
  Practitioner: {
    patient: `${rolesIn}._has:Patient:organization:`,
    same: { [`patient.${inStudy}`]: `${rolesIn}._has:Group:managing-entity:_id`, 'patient.organization': rolesIn },
  },
}

const along = ({ patient, same }: Way, name: string, value: string): [name: string, value: string] => {
  const [, asked] = /^patient(?:\.(.+))?$/.exec(name) ?? []
  const own = Object.hasOwn(same, name) ? same[name] : undefined
  const known = own ?? (patient !== undefined && isOfPatient.test(name) ? `${patient}${asked ?? '_id'}` : name)
  return [known, /(^|[:.])_id$/.test(known) ? value.replace(/(^|,)(Patient|Organization|Group)\//g, '$1') : value]
}

const isOfPatient = /^patient(\.|$)/
