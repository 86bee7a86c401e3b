import type { FastifyRequest } from 'fastify'
import type { PageOptions } from '../page/add-page.ts'
import { notFound } from '../page/organizing.ts'
import { sessionOf } from '../page/signed-in.ts'
import { staffOf } from '../page/staff.ts'

type Named = { readonly id: string; readonly name: string }

/** Where patients are registered. */
export type Place = {
  readonly organizations: readonly Named[]
  /** The one that is chosen. */
  readonly organization: string
  readonly study: Named | undefined
}

/** What was chosen, empty where nothing was. Throws `not-found` for whoever registers nobody, or does not enrol into the study. */
export const placeOf = async (
  request: FastifyRequest,
  options: PageOptions,
  { study, organization }: { readonly study: string; readonly organization: string },
): Promise<Place> => {
  await staffOf(request, options)
  const { person } = sessionOf(request)
  const organizations = await options.registering.organizations(person)
  const asked = study === '' ? undefined : ((await options.registering.findStudy(person, study)) ?? notFound())
  const usual = organizations.find(({ id }) => id === asked?.organization) ?? organizations[0] ?? notFound()
  const chosen = organization === '' ? usual : (organizations.find(({ id }) => id === organization) ?? notFound())
  return { organizations, organization: chosen.id, study: asked }
}
