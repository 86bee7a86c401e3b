import type { Organization, Practitioner, PractitionerRole } from '@medplum/fhirtypes'
import { postalAddressesOf } from '../../accounts/contact/postal-address.ts'
import { presentContacts } from '../../accounts/contact/reach.ts'
import { intervalOfPeriod, isBefore } from '../../fhir/date.ts'
import { nameText, visibleName } from '../../fhir/display-name.ts'
import { unlessRefused } from '../../fhir/error.ts'
import { namedId } from '../../fhir/reference.ts'
import { findAt } from './as-it-was.ts'
import { type Carer, careDraft } from './care-draft.ts'
import { nameOf, type OwnRecord } from './own-record.ts'

/** As its patients are told of it. */
export type CareGrantee = Carer & {
  /** Never empty: nobody is asked to share with somebody who has no name. */
  readonly name: string
  /** How it can be reached, as it says itself. An address has several lines. */
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
  const tried = await unlessRefused(() =>
    record.trying({ kind: 'create', resource }, within => readGrantee(within, carer)),
  )
  // It is refused if a Consent was given to them meanwhile, and then they are known.
  return tried ?? readGrantee(record, carer)
}

/** As far as the patient may read it now. */
export const readGrantee = async (record: OwnRecord, carer: Carer): Promise<CareGrantee | undefined> => {
  const { kind, id } = carer
  const found =
    kind === 'organization'
      ? await record.read<Organization>('Organization', id)
      : await record.read<Practitioner>('Practitioner', id)
  const name = nameIn(found)
  if (found === undefined || name === '') return undefined
  return {
    kind,
    id,
    name,
    contacts: [...presentContacts(found), ...(found.resourceType === 'Organization' ? postalAddressesOf(found) : [])],
    organizations: kind === 'organization' ? [] : await organizationsOf(record, id),
    isActive: found.active !== false,
    version: found.meta?.versionId,
  }
}

/** What it was called then, or is now if that is not known. What a Consent calls it says nothing: an app may have written any name beside the id. */
export const granteeNameAt = async (
  record: OwnRecord,
  { kind, id, name }: CareGrantee,
  at: string,
): Promise<string> => {
  const then =
    kind === 'organization'
      ? await findAt<Organization>(record, 'Organization', id, at)
      : await findAt<Practitioner>(record, 'Practitioner', id, at)
  return nameIn(then) || name
}

const nameIn = (one: Organization | Practitioner | undefined): string =>
  one?.resourceType === 'Practitioner' ? nameText(one.name?.[0]) : (visibleName(one?.name) ?? '')

const organizationsOf = async (record: OwnRecord, practitioner: string): Promise<readonly string[]> => {
  const roles = await record.find<PractitionerRole>('PractitionerRole', {
    practitioner: `Practitioner/${practitioner}`,
    'active:not': 'false',
    _count: '100',
  })
  const now = new Date().toISOString()
  const held = roles.filter(({ period = {} }) => {
    const { low, high } = intervalOfPeriod(period)
    return !isBefore(now, low) && isBefore(now, high)
  })
  const ids = new Set(held.flatMap(({ organization }) => namedId(organization, 'Organization') ?? []))
  const names = await Promise.all([...ids].map(id => nameOf(record, `Organization/${id}`)))
  return names.filter(name => name !== undefined)
}
