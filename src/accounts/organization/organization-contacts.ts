import type { Organization } from '@medplum/fhirtypes'
import { type PostalFields, postalOf, withPostal } from '../contact/postal-address.ts'
import { type Reach, reachOf, withReach } from '../contact/reach.ts'
import { changeStored, type Shown } from './organization-change.ts'
import type { Organizer } from './organizer.ts'

/** How patients and colleagues reach an organization. */
export type OrganizationContacts = Reach & PostalFields

export const contactsOfOrganization = (organization: Organization): OrganizationContacts => ({
  ...reachOf(organization),
  ...postalOf(organization),
})

export const changeContacts = (organizer: Organizer, shown: Shown, sent: OrganizationContacts): Promise<string> =>
  changeStored(organizer, shown, stored => withPostal(withReach(stored, sent), sent))
