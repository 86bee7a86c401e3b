import { asksSecondFactor } from '../../accounts/organization/organization-change.ts'
import { findFacts, type OrganizationFacts } from '../../accounts/organization/organization-facts.ts'
import { nameOfOrganization, parentOf } from '../../accounts/organization/organization-tree.ts'
import { unlessRefused } from '../../fhir/error.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { organizationsForStudies } from '../../studies/definition/study-change.ts'
import { statusText } from '../../studies/definition/study-status.ts'
import { titleOf } from '../../studies/definition/study-title.ts'
import type { AddPage } from '../page/add-page.ts'
import type { OfOrganization } from '../page/administered.ts'
import { notice } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { namedIn } from '../page/named-in.ts'
import { organizationOf, type ShownOrganization } from '../page/shown-organization.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { contactsShown } from './organization-contacts.ts'
import { typeText } from './organization-form.ts'

/** An organization: what it is, what belongs to it, and what the reader may do there. */
export const organizationPage: AddPage = (server, options) => {
  const { organizationApps } = server.authorization
  const { organizationEhrs } = options.ehrLaunches
  server.get<OfOrganization>('/organizations/:organization', { onRequest: requireSession }, async (request, reply) => {
    const shown = await organizationOf(request, options)
    const { organizer, organization, id, name, isManaged } = shown
    const facts = await findFacts(organizer, id)
    const connected = isManaged && {
      apps: (await organizationApps.list(id)).length,
      ehrs: (await organizationEhrs.list(id)).length,
    }
    const mayMake = (await organizationsForStudies(options, organizer.person, id)).length > 0
    const done = namedIn(doneTexts, queryOf(request).get('done'))
    return sendStaffPage(reply, {
      title: name,
      content: html`<nav aria-label="Above">${await above(shown)}</nav>
<h1>${name}</h1>
${done && notice('done', html`<p>${done(id)}</p>`)}
${organization.active === false && html`<p><span class="badge text-bg-secondary">Closed</span> Nothing new can be started here. What is listed below continues as it is.</p>`}
<dl>
${typeText(organization) && html`<dt>Type</dt><dd>${typeText(organization)}</dd>`}
${asksSecondFactor(organization) && html`<dt>Signing in</dt><dd>Everybody who works in it, or below it, needs a second factor.</dd>`}
${contactsShown(organization)}
<dt>People</dt><dd><a href="/organizations/${id}/people">${rolesText(facts.people)}</a></dd>
${
  connected &&
  html`<dt>Apps and backend services</dt><dd><a href="/organizations/${id}/apps">${connected.apps}<span class="visually-hidden"> apps and backend services</span></a></dd>
<dt>EHRs that open Sharewell</dt><dd><a href="/organizations/${id}/ehrs">${connected.ehrs}<span class="visually-hidden"> EHRs that open Sharewell</span></a></dd>`
}
</dl>
${actions(shown)}
${parts(shown, facts)}
${studies(shown, facts, mayMake)}
<p><a href="/organizations">All organizations</a></p>`,
    })
  })
}

/** The organizations above it, from the top, as far as they may be seen. */
const above = async ({ organizer, organization }: ShownOrganization): Promise<Html> => {
  const found: Html[] = []
  for (let id = parentOf(organization); id !== undefined && found.length < deepest; ) {
    const parent = await unlessRefused(() => organizer.read('Organization', id ?? ''))
    if (parent?.resource.resourceType !== 'Organization') break
    found.unshift(
      html`<li class="breadcrumb-item"><a href="/organizations/${id}">${nameOfOrganization(parent.resource)}</a></li>`,
    )
    id = parentOf(parent.resource)
  }
  return html`<ol class="breadcrumb"><li class="breadcrumb-item"><a href="/organizations">Organizations</a></li>${found}</ol>`
}

const deepest = 20

const rolesText = (count: number): string => {
  if (count === 0) return 'Nobody has a role yet'
  return count === 1 ? '1 role' : `${count} roles`
}

const actions = ({ organization, id, isManaged, isChangeable }: ShownOrganization): Html => {
  const isClosed = organization.active === false
  const link = (action: string, label: string) =>
    html`<a class="btn btn-outline-primary btn-sm" href="/organizations/${id}/${action}">${label}</a>`
  return html`<div class="d-flex flex-wrap gap-2">
${isManaged && !isClosed && link('new', 'Add an organization below it')}
${isChangeable && link('change', 'Edit details')}
${isChangeable && link('contacts', 'Edit contacts')}
${isChangeable && parentOf(organization) !== undefined && link('move', 'Move')}
${isChangeable && (isClosed ? link('open', 'Reopen') : link('close', 'Close'))}
</div>`
}

const parts = (
  { id, organization, isManaged }: ShownOrganization,
  { parts, areMoreParts }: OrganizationFacts,
): Html => html`<h2>Organizations below it</h2>
${
  parts.length === 0
    ? html`<p>There are none yet${isManaged && organization.active !== false && html`: <a href="/organizations/${id}/new">add a department, a site or a team</a>, if it has any`}.</p>`
    : html`<ul>${parts.map(
        one => html`<li><a href="/organizations/${one.id}">${nameOfOrganization(one)}</a>
${typeText(one) && html`<span class="text-body-secondary">${typeText(one)}</span>`}
${one.active === false && html`<span class="badge text-bg-secondary">Closed</span>`}</li>`,
      )}</ul>`
}
${areMoreParts && html`<p>There are more: find them in the <a href="/organizations">list of organizations</a>.</p>`}`

const studies = (
  { id, organization }: ShownOrganization,
  { studies, areMoreStudies }: OrganizationFacts,
  mayMake: boolean,
): Html => html`<h2>Studies</h2>
${
  studies.length === 0
    ? html`<p>It has no studies that you can see.${organization.active !== false && !mayMake && ' Its members and managers set them up.'}</p>`
    : html`<ul>${studies.map(
        study =>
          html`<li><a href="/studies/${study.id}">${titleOf(study)}</a> <span class="text-body-secondary">${statusText(study)}</span></li>`,
      )}</ul>`
}
${areMoreStudies && html`<p>There are more: see <a href="/studies">all studies</a>.</p>`}
${organization.active !== false && mayMake && html`<p><a href="/organizations/${id}/studies/new">Create a study</a></p>`}`

/** What was done by the form that led here. */
const doneTexts: Readonly<Record<string, (id: string) => Html | string>> = {
  made: id =>
    html`The organization has been added. Now <a href="/organizations/${id}/people/invite">invite the people who work there</a>.`,
  changed: () => 'The changes have been saved.',
  contacts: () => 'The contacts have been saved.',
  moved: () => 'The organization has been moved, with everything below it.',
  closed: () => 'The organization is closed.',
  opened: () => 'The organization is open again.',
  joined: () =>
    'You have joined this organization. You find its studies and its patients above, as far as your role shows them.',
}
