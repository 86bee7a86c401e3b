import type { Organization } from '@medplum/fhirtypes'
import type { FastifyRequest } from 'fastify'
import { nameOfOrganization, parentOf } from '../../accounts/organization/organization-tree.ts'
import { findOrganizer, type Organizer } from '../../accounts/organization/organizer.ts'
import type { PageOptions } from './add-page.ts'
import type { OfOrganization } from './administered.ts'
import { notFound } from './not-found.ts'
import { sessionOf } from './signed-in.ts'

/** An organization as somebody may read it, and what they may do there. */
export type ShownOrganization = {
  readonly organizer: Organizer
  readonly organization: Organization
  readonly id: string
  readonly name: string
  /** What the form has to bring back: a later version was changed by somebody else. */
  readonly version: string
  /** Whether they give roles in it, and build below it. */
  readonly isManaged: boolean
  /** Whether they may write the Organization itself: who looks after what it is part of does, too. */
  readonly isChangeable: boolean
}

/** Throws `not-found` for whoever is neither staff nor an administrator. */
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

/** The organization of the address. Throws `not-found` for whoever may not read it, as if there were none. */
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

/** For what is done by those alone of whom the claim is true. Throws `not-found`, as if there were none. */
export const organizationFor = async (
  claim: 'isManaged' | 'isChangeable',
  request: FastifyRequest<OfOrganization>,
  options: PageOptions,
): Promise<ShownOrganization> => {
  const shown = await organizationOf(request, options)
  return shown[claim] ? shown : notFound()
}

/** For what is begun anew: nothing is in what is closed, as if there were none. */
export const openFor = (shown: ShownOrganization): ShownOrganization =>
  shown.organization.active === false ? notFound() : shown
