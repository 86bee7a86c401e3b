import type { FastifyReply, FastifyRequest } from 'fastify'
import type { EnrollingStudy } from '../../studies/patient/registering.ts'
import type { PageOptions } from '../page/add-page.ts'
import { selectField } from '../page/choice-field.ts'
import { notice } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { notFound } from '../page/not-found.ts'
import { sessionOf } from '../page/signed-in.ts'
import { staffCallerOf } from '../page/staff-caller.ts'

type Named = { readonly id: string; readonly name: string }

/** Where patients can be registered. */
export type Place = {
  readonly organizations: readonly Named[]
  /** The one that is chosen. */
  readonly organization: string
  readonly study: EnrollingStudy | undefined
  /** The one that was chosen has been closed since: nobody is registered there now. */
  readonly closed?: Named
}

/** The chosen place; empty if nothing was chosen. Throws `not-found` for anybody who registers nobody, or may not enrol into the study. */
export const placeOf = async (
  request: FastifyRequest,
  options: PageOptions,
  { study, organization }: { readonly study: string; readonly organization: string },
): Promise<Place> => {
  await staffCallerOf(request, options)
  const { person } = sessionOf(request)
  const organizations = await options.registering.organizations(person)
  const asked = await studyOf(person, options, study)
  const usual = organizations.find(({ id }) => id === asked?.organization) ?? organizations[0] ?? notFound()
  const chosen = organization === '' ? usual : (organizations.find(({ id }) => id === organization) ?? notFound())
  return { organizations, organization: chosen.id, study: asked }
}

/** The place that a form names, also if it has been closed since, so that what was typed can be shown again. */
export const postedPlaceOf = async (
  request: FastifyRequest,
  options: PageOptions,
  posted: { readonly study: string; readonly organization: string },
): Promise<Place> => {
  const { person } = sessionOf(request)
  const closed = await options.registering.findClosed(person, posted.organization)
  if (closed === undefined) return placeOf(request, options, posted)
  const { id, name } = closed
  const open = await options.registering.organizations(person)
  const organizations = [{ id, name: open.length === 0 ? name : `${name} (closed)` }, ...open]
  return { organizations, organization: id, study: await studyOf(person, options, posted.study), closed }
}

const studyOf = async (
  person: string,
  { registering }: PageOptions,
  study: string,
): Promise<EnrollingStudy | undefined> =>
  study === '' ? undefined : ((await registering.findStudy(person, study)) ?? notFound())

/** The study into which they are enrolled; undefined if nobody is now, so that what is sent next registers them alone. */
export const enrollingId = ({ study }: Place): string | undefined =>
  study?.closedBecause === undefined ? study?.id : undefined

/** Whether a form is answered by saying that nobody is enrolled into its study now. */
export const isEnrolmentRefused = ({ request }: FastifyReply, { study }: Place): boolean =>
  study?.closedBecause !== undefined && request.method === 'POST'

/** That nobody is enrolled into the study now, and what is done instead; undefined if somebody can be. `isRefused`: in answer to a form. */
export const nobodyEnrolled = (
  { study }: Place,
  { isRefused, instead }: { readonly isRefused: boolean; readonly instead: string },
): Html | undefined =>
  study?.closedBecause === undefined
    ? undefined
    : notice(
        isRefused ? 'problem' : 'standing',
        html`<p>Nobody can be enrolled in ${study.name} now: ${study.closedBecause}.${isRefused && ' Nothing was done.'} ${instead}</p>`,
      )

/** The organization in which they are registered, as a fact if there is only one. `whose`: the record, or the records of several. */
export const organizationField = (
  { organizations, organization }: Place,
  whose: 'the record' | 'the records',
): Html => {
  const [first, ...others] = organizations
  return others.length === 0
    ? html`<input type="hidden" name="organization" value="${organization}"><p>Registered by ${first?.name}, whose members see ${whose}.</p>`
    : selectField({
        name: 'organization',
        label: 'Organization',
        value: organization,
        hint: `Its members see ${whose}.`,
        choices: organizations.map(({ id, name }) => ({ value: id, label: name })),
      })
}
