import type { FastifyReply } from 'fastify'
import { setOrganizationActive } from '../../accounts/organization/organization-change.ts'
import { findFacts } from '../../accounts/organization/organization-facts.ts'
import type { AddPage } from '../page/add-page.ts'
import type { OfOrganization } from '../page/administered.ts'
import { notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { isOvertaken } from '../page/overtaken.ts'
import { organizationFor, type ShownOrganization } from '../page/shown-organization.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { typed } from '../page/typed.ts'

/** Closes an organization, after showing what depends on it, and opens it again. */
export const organizationClosePage: AddPage = (server, options) => {
  const onRequest = requireSession
  for (const step of [closing, opening]) {
    const page = `/organizations/:organization/${step.action}` as const
    const send = async (reply: FastifyReply, shown: ShownOrganization, isOvertaken = false): Promise<FastifyReply> =>
      sendStaffPage(reply, {
        title: `${step.title} ${shown.name}`,
        isProblem: isOvertaken,
        content: html`<h1>${step.title} ${shown.name}</h1>
${isOvertaken && notice('problem', html`<p>Somebody else has changed it since you opened this page. Look at it again before you decide.</p>`)}
${step.isActive ? step.text : html`${step.text}${await hanging(shown, await server.authorization.organizationApps.list(shown.id), await options.ehrLaunches.organizationEhrs.list(shown.id))}`}
${postForm({ action: `/organizations/${shown.id}/${step.action}`, token: ownToken(reply), hidden: { version: shown.version } }, html`<button class="btn btn-primary">${step.button}</button>`)}
<p><a href="/organizations/${shown.id}">Leave it as it is</a></p>`,
      })
    server.get<OfOrganization>(page, { onRequest }, async (request, reply) =>
      send(reply, await organizationFor('isChangeable', request, options)),
    )
    server.post<OfOrganization>(page, { onRequest }, async (request, reply) => {
      const shown = await organizationFor('isChangeable', request, options)
      const { organizer, id } = shown
      try {
        await setOrganizationActive(organizer, { id, version: typed(request.body, 'version') }, step.isActive)
        return reply.redirect(`/organizations/${id}?done=${step.done}`, 303)
      } catch (error) {
        if (!isOvertaken(error)) throw error
        return send(reply.code(409), shown, true)
      }
    })
  }
}

const closing = {
  action: 'close',
  title: 'Close',
  isActive: false,
  done: 'closed',
  button: 'Close organization',
  text: html`<p>A closed organization is marked as closed and no longer listed, and nothing new can be started in it here: nobody is invited to it or joins by an invitation that is open, no patient is registered, and no study is created. Nothing is deleted, and closing ends nobody’s access: end that first, where it should end.</p>`,
} as const

const opening = {
  action: 'open',
  title: 'Reopen',
  isActive: true,
  done: 'opened',
  button: 'Reopen organization',
  text: html`<p>It is listed again, people can be invited to it, and invitations that are still open work again.</p>`,
} as const

const hanging = async (
  { organizer, id }: ShownOrganization,
  apps: readonly unknown[],
  ehrs: readonly unknown[],
): Promise<Html> => {
  const { openParts, people, runningStudies } = await findFacts(organizer, id)
  const counts: readonly (readonly [count: number, one: string, more: string])[] = [
    [openParts, 'organization below it that is not closed', 'organizations below it that are not closed'],
    [people, 'role that somebody has in it', 'roles that people have in it'],
    [runningStudies, 'study that is not over', 'studies that are not over'],
    [apps.length, 'app or backend service', 'apps and backend services'],
    [ehrs.length, 'EHR that opens Sharewell for it', 'EHRs that open Sharewell for it'],
  ]
  const left = counts.filter(([count]) => count > 0)
  if (left.length === 0) return html`<p>Nothing that you can see depends on it any more.${unseen}</p>`
  return html`<h2>What still depends on it</h2>
<ul>${left.map(([count, one, more]) => html`<li>${count} ${count === 1 ? one : more}</li>`)}</ul>
${runningStudies === 0 && html`<p>${unseen}</p>`}`
}

const unseen = ' Studies are shown only to those who work in the organization itself or below it: ask them.'
