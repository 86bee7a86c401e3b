import type { ContactPoint, Organization, Practitioner, PractitionerRole } from '@medplum/fhirtypes'
import { nameText } from '../../fhir/display-name.ts'
import { unlessRefused } from '../../fhir/error.ts'
import { namedId } from '../../fhir/reference.ts'
import { type Carer, careDraft } from './care-draft.ts'
import { nameOf, type OwnRecord } from './own-record.ts'

/** As its patients are told of it. */
export type CareGrantee = Carer & {
  /** Never empty: nobody is asked to share with somebody who has no name. */
  readonly name: string
  /** How it can be reached, as it says itself. */
  readonly contacts: readonly string[]
  /** For a practitioner, names of organizations in which they work, as far as the patient may know them. */
  readonly organizations: readonly string[]
  readonly isActive: boolean
  readonly version: string | undefined
}

/**
 * Whoever is named in a Consent may be read by its patient. So what the patient does not know yet is read as it would be if they named it: the
 * Consent is not written. Undefined if there is nobody with the id.
 */
export const findCareGrantee = async (record: OwnRecord, carer: Carer): Promise<CareGrantee | undefined> => {
  const known = await readGrantee(record, carer)
  if (known !== undefined) return known
  const resource = { ...careDraft(record, carer, new Date().toISOString()), status: 'proposed' as const }
  return unlessRefused(() => record.trying({ kind: 'create', resource }, within => readGrantee(within, carer)))
}

/** As far as the patient may read it now. */
export const readGrantee = async (record: OwnRecord, carer: Carer): Promise<CareGrantee | undefined> => {
  const { kind, id } = carer
  const found =
    kind === 'organization'
      ? await record.read<Organization>('Organization', id)
      : await record.read<Practitioner>('Practitioner', id)
  const name = found?.resourceType === 'Practitioner' ? nameText(found.name?.[0]) : (found?.name ?? '')
  if (found === undefined || name.trim() === '') return undefined
  return {
    kind,
    id,
    name,
    contacts: contactsOf(found.telecom),
    organizations: kind === 'organization' ? [] : await organizationsOf(record, id),
    isActive: found.active !== false,
    version: found.meta?.versionId,
  }
}

const contactsOf = (telecom: readonly ContactPoint[] = []): readonly string[] =>
  telecom.flatMap(({ system, value }) => (value !== undefined && contactSystems.includes(system ?? '') ? [value] : []))

const contactSystems: readonly string[] = ['phone', 'email', 'url']

const organizationsOf = async (record: OwnRecord, practitioner: string): Promise<readonly string[]> => {
  const roles = await record.find<PractitionerRole>('PractitionerRole', {
    practitioner: `Practitioner/${practitioner}`,
    'active:not': 'false',
    _count: '100',
  })
  const ids = new Set(roles.flatMap(({ organization }) => namedId(organization, 'Organization') ?? []))
  const names = await Promise.all([...ids].map(id => nameOf(record, `Organization/${id}`)))
  return names.filter(name => name !== undefined)
}
