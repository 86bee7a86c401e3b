import type { Organization } from '@medplum/fhirtypes'
import type { FastifyRequest } from 'fastify'
import { nameOfOrganization, parentOf } from '../../accounts/organization/organization-tree.ts'
import { findOrganizer, type Organizer } from '../../accounts/organization/organizer.ts'
import type { PageOptions } from './add-page.ts'
import type { OfOrganization } from './administered.ts'
import { notFound } from './not-found.ts'
import { sessionOf } from './signed-in.ts'

/** An organization as somebody may see it, and what they may do there. */
export type ShownOrganization = {
  readonly organizer: Organizer
  readonly organization: Organization
  readonly id: string
  readonly name: string
  /** What the form must send back: if the version is now another, somebody else has changed it. */
  readonly version: string
  /** Whether they may give roles in it, and create organizations below it. */
  readonly isManaged: boolean
  /** Whether they may change the Organization itself, as those who manage the one above it may, too. */
  readonly isChangeable: boolean
}

/** Throws `not-found` for anybody who is neither staff nor an administrator. */
export const organizerOf = async (
  request: FastifyRequest,
  { accounts, registry, openStoreFor }: PageOptions,
): Promise<Organizer> => {
  const parts = { database: accounts.database, registry, openStoreFor }
  return (await findOrganizer(parts, sessionOf(request).person)) ?? notFound()
}

/** Throws `not-found` for everybody else. */
export const administratorOf = async (request: FastifyRequest, options: PageOptions): Promise<Organizer> => {
  const organizer = await organizerOf(request, options)
  return organizer.caller.administrator ? organizer : notFound()
}

/** The organization in the address. Throws `not-found` for anybody who may not read it, as if it did not exist. */
export const organizationOf = async (
  request: FastifyRequest<OfOrganization>,
  options: PageOptions,
): Promise<ShownOrganization> => {
  const organizer = await organizerOf(request, options)
  const { organization: id } = request.params
  const { resource: organization, version } = await organizer.read<Organization>('Organization', id)
  const parent = parentOf(organization)
  const administered = await organizer.administers([id, ...(parent === undefined ? [] : [parent])])
  const isManaged = administered.has(id)
  const isChangeable =
    organizer.caller.administrator || (isManaged && (parent === undefined || administered.has(parent)))
  return { organizer, organization, id, version, name: nameOfOrganization(organization), isManaged, isChangeable }
}

/** For those for whom the claim is true. Throws `not-found` for others, as if the organization did not exist. */
export const organizationFor = async (
  claim: 'isManaged' | 'isChangeable',
  request: FastifyRequest<OfOrganization>,
  options: PageOptions,
): Promise<ShownOrganization> => {
  const shown = await organizationOf(request, options)
  return shown[claim] ? shown : notFound()
}

/** For a form to begin something new, which is not possible in a closed organization: throws `not-found`, as if it did not exist. */
export const openFor = (shown: ShownOrganization): ShownOrganization => (isClosed(shown) ? notFound() : shown)

/** Whoever sends such a form may have been shown it before the organization was closed. */
export const isClosed = ({ organization }: ShownOrganization): boolean => organization.active === false
