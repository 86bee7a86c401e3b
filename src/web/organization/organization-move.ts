import type { Organization, ResearchStudy } from '@medplum/fhirtypes'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { nameOrder } from '../../accounts/organization/name-order.ts'
import { moveOrganization } from '../../accounts/organization/organization-change.ts'
import { findAll, nameOfOrganization, parentOf } from '../../accounts/organization/organization-tree.ts'
import { FhirError } from '../../fhir/error.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import type { OfOrganization } from '../page/administered.ts'
import { selectField } from '../page/choice-field.ts'
import { notice, type Option, postForm, problemList } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { notFound } from '../page/not-found.ts'
import { isOvertaken, overtaken } from '../page/overtaken.ts'
import { organizationFor, type ShownOrganization } from '../page/shown-organization.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { typed } from '../page/typed.ts'

/** Moves an organization to another place in its tree, for people who manage both places. */
export const organizationMovePage: AddPage = (server, options) => {
  const onRequest = requireSession
  server.get<OfOrganization>('/organizations/:organization/move', { onRequest }, async (request, reply) => {
    const shown = await movableOf(request, options)
    return sendMove(reply, shown, { parent: parentOf(shown.organization) ?? '', version: shown.version })
  })
  server.post<OfOrganization>('/organizations/:organization/move', keepsTyped(options), async (request, reply) => {
    const shown = await movableOf(request, options)
    const [parent, version] = [typed(request.body, 'parent'), typed(request.body, 'version')]
    const { organizer, id } = shown
    const problem = await problemOf(shown, { parent, version })
    if (problem !== undefined) return sendMove(reply.code(422), shown, { parent, version, problem })
    try {
      await moveOrganization(organizer, { id, version }, parent)
      return reply.redirect(`/organizations/${id}?done=moved`, 303)
    } catch (error) {
      if (isOvertaken(error))
        return sendMove(reply.code(409), shown, { parent, version: shown.version, isOvertaken: true })
      if (!(error instanceof FhirError) || error.issues[0].expression !== 'Organization.partOf') throw error
      return sendMove(reply.code(422), shown, { parent, version, problem: await withTitles(shown, error.message) })
    }
  })
}

/** A root cannot be moved: a tenant is never part of another. */
const movableOf = async (request: FastifyRequest<OfOrganization>, options: PageOptions): Promise<ShownOrganization> => {
  const shown = await organizationFor('isChangeable', request, options)
  return parentOf(shown.organization) === undefined ? notFound() : shown
}

/** Where it may go: organizations of the same tree that they manage, but not itself, nor any below it. */
const placesFor = async ({ organizer, id, organization }: ShownOrganization): Promise<readonly Option[]> => {
  const { organizations } = await findAll(organizer)
  const byId = new Map(organizations.map(one => [one.id ?? '', one]))
  const pathOf = (one: Organization): readonly Organization[] => {
    const parent = byId.get(parentOf(one) ?? '')
    return parent === undefined ? [one] : [...pathOf(parent), one]
  }
  const [root] = pathOf(organization)
  const paths = organizations
    .map(pathOf)
    .filter(
      path => path[0]?.id === (root?.id ?? '') && path.every(one => one.id !== id) && path.at(-1)?.active !== false,
    )
  const managed = await organizer.administers(paths.map(path => path.at(-1)?.id ?? ''))
  return paths
    .filter(path => managed.has(path.at(-1)?.id ?? ''))
    .map(path => ({ value: path.at(-1)?.id ?? '', label: path.map(nameOfOrganization).join(' / ') }))
    .toSorted((one, other) => nameOrder(one.label, other.label))
}

/** If somebody else has moved it meanwhile, they are told that instead. */
const problemOf = async (
  shown: ShownOrganization,
  { parent, version }: Pick<State, 'parent' | 'version'>,
): Promise<string | undefined> => {
  if (!(await placesFor(shown)).some(({ value }) => value === parent)) return 'Choose an organization from the list'
  const isThere = parent === parentOf(shown.organization) && version === shown.version
  return isThere ? 'It is part of that one already: choose another' : undefined
}

/** Replaces references to studies with their titles, as far as the person may read them. */
const withTitles = async ({ organizer }: ShownOrganization, message: string): Promise<string> => {
  const named = /ResearchStudy\/([A-Za-z0-9.-]{1,64})/g
  const ids = [...message.matchAll(named)].map(([, id = '']) => id)
  if (ids.length === 0) return message
  const { entries } = await organizer.find<ResearchStudy>('ResearchStudy', { _id: ids.join(','), _count: '1000' })
  const titles = new Map(entries.map(({ resource: { id, title } }) => [id, title]))
  return message.replaceAll(named, (reference, id: string) => titles.get(id) ?? reference)
}

type State = {
  readonly parent: string
  readonly version: string
  readonly problem?: string
  readonly isOvertaken?: boolean
}

const sendMove = async (
  reply: FastifyReply,
  shown: ShownOrganization,
  { parent, version, problem, isOvertaken = false }: State,
): Promise<FastifyReply> => {
  const { id, name } = shown
  return sendStaffPage(reply, {
    title: `Move ${name}`,
    isProblem: problem !== undefined || isOvertaken,
    content: html`<h1>Move ${name}</h1>
<p>Everything below it moves with it. Whoever manages the new place manages it from then on; whoever managed only the old one no longer does. It stays below the same organization at the top. What people have consented to share with a study stays with those who read it now: while such consents are in force, a move lets nobody who works here join them.</p>
${isOvertaken && notice('problem', overtaken)}
${problemList([{ name: 'parent', problem }])}
${postForm(
  { action: `/organizations/${id}/move`, token: ownToken(reply), hidden: { version }, novalidate: true },
  html`${selectField({ name: 'parent', label: 'Part of', value: parent, problem, choices: await placesFor(shown) })}
<button class="btn btn-primary">Move</button>`,
)}
<p><a href="/organizations/${id}">Back to ${name}</a></p>`,
  })
}
