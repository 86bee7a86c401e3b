import type { FastifyReply, FastifyRequest } from 'fastify'
import { type ReachProblems, reachProblems } from '../../accounts/contact/reach.ts'
import { type NameProblem, nameProblem } from '../../accounts/person.ts'
import {
  type ColleagueDetails,
  changeDetails,
  changesDetails,
  readDetails,
  type ShownDetails,
} from '../../accounts/staff/colleague-details.ts'
import { type Colleague, readColleague } from '../../accounts/staff/colleagues.ts'
import { FhirError } from '../../fhir/error.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import type { OfOrganization } from '../page/administered.ts'
import { type Field, form, notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { isOvertaken } from '../page/overtaken.ts'
import { besideWhatItSays } from '../page/said-meanwhile.ts'
import { organizationFor, type ShownOrganization } from '../page/shown-organization.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { typed } from '../page/typed.ts'
import { nameOfColleague } from './organization-people.ts'
import { peopleListQuery } from './people-list.ts'
import { reachFields } from './reach-fields.ts'

type OfRole = { readonly Params: OfOrganization['Params'] & { readonly role: string } }

/** Where managers put right as what patients and colleagues know somebody who works there, themselves too. */
export const colleagueDetailsPage: AddPage = (server, options) => {
  const at = '/organizations/:organization/people/:role/details'
  server.get<OfRole>(at, { onRequest: requireSession }, async (request, reply) => {
    const shown = await detailsOf(request, options)
    if (!(await changesDetails(shown.organizer, shown.colleague.practitioner))) return sendNotTheirs(reply, shown)
    return send(reply, shown, { sent: shown.details, version: shown.version })
  })
  server.post<OfRole>(at, keepsTyped(options), async (request, reply) => {
    const shown = await detailsOf(request, options)
    const line = (name: string) => typed(request.body, name).replace(/\s+/g, ' ').trim()
    const sent = { name: line('name'), phone: line('phone'), email: line('email') }
    const version = typed(request.body, 'version')
    const problems = problemsOf(sent, shown.details)
    if (Object.keys(problems).length > 0) return send(reply.code(422), shown, { sent, version, problems })
    try {
      await changeDetails(shown.organizer, { id: shown.colleague.practitioner, version }, sent)
    } catch (error) {
      if (isOvertaken(error)) return send(reply.code(409), shown, { sent, version: shown.version, isOvertaken: true })
      if (!isForbidden(error)) throw error
      return send(reply.code(403), shown, { sent, version, isRefused: true })
    }
    return reply.redirect(`/organizations/${shown.id}/people${peopleListQuery(request, { done: 'details' })}`, 303)
  })
}

type Shown = Omit<ShownOrganization, 'version'> & ShownDetails & { readonly colleague: Colleague }

const detailsOf = async (request: FastifyRequest<OfRole>, options: PageOptions): Promise<Shown> => {
  const shown = await organizationFor('isManaged', request, options)
  const colleague = await readColleague(shown.organizer, shown.id, request.params.role)
  return { ...shown, colleague, ...(await readDetails(shown.organizer, colleague.practitioner)) }
}

const isForbidden = (error: unknown): boolean => error instanceof FhirError && error.status === 403

type Problems = ReachProblems & { readonly name?: string }

/** Somebody without a name may still get a phone number. */
const problemsOf = (sent: ColleagueDetails, before: ColleagueDetails): Problems => {
  const wrong = sent.name === before.name ? undefined : nameProblem(sent.name)
  return {
    ...(wrong && { name: nameProblems[wrong] }),
    ...reachProblems(sent, { ...before, url: '' }),
  }
}

const nameProblems: Readonly<Record<NameProblem, string>> = {
  missing: 'Enter a name',
  'too-long': 'Enter a name of at most 200 characters',
}

type State = {
  readonly sent: ColleagueDetails
  readonly version: string
  readonly problems?: Problems
  readonly isOvertaken?: true
  readonly isRefused?: true
}

const send = (reply: FastifyReply, shown: Shown, state: State): FastifyReply => {
  const { id, name, colleague, organizer, details } = shown
  const { sent, version, problems = {}, isOvertaken = false } = state
  const person = nameOfColleague(colleague)
  const isOwn = colleague.practitioner === organizer.caller.practitioner
  const list = peopleListQuery(reply.request)
  const fields = fieldsFor(sent, problems)
  const page = `/organizations/${id}/people`
  return sendStaffPage(reply, {
    title: `Name and contacts of ${person}`,
    isProblem: isOvertaken || state.isRefused === true || fields.some(({ problem }) => problem !== undefined),
    content: html`<h1>Name and contacts of ${person}</h1>
${noticeOf(state, person)}
<p>As this, colleagues know ${isOwn ? 'you' : 'them'}, and so do patients whose study or treatment it is about. Nothing of it is for signing in: each account has a name and an e-mail address of its own.</p>
${form({
  action: `${page}/${colleague.id}/details${list}`,
  token: ownToken(reply),
  hidden: { version },
  fields: isOvertaken ? besideWhatItSays(fields, fieldsFor(details, {})) : fields,
  button: 'Save',
})}
<p><a href="${isOwn ? page : `${page}/${colleague.id}`}${list}">${isOwn ? `Back to the people of ${name}` : `Back to ${person}`}</a></p>`,
  })
}

/** For whoever would be refused: what they would change, and who may. */
const sendNotTheirs = (reply: FastifyReply, { id, name, colleague, organizer, details }: Shown): FastifyReply => {
  const person = nameOfColleague(colleague)
  const isOwn = colleague.practitioner === organizer.caller.practitioner
  const list = peopleListQuery(reply.request)
  const page = `/organizations/${id}/people`
  return sendStaffPage(reply, {
    title: `Name and contacts of ${person}`,
    content: html`<h1>Name and contacts of ${person}</h1>
<p>${notYours(isOwn ? 'you' : person)}</p>
<dl>
<dt>Name</dt><dd>${details.name || 'Not recorded'}</dd>
<dt>Phone</dt><dd>${details.phone || 'Not recorded'}</dd>
<dt>E-mail address</dt><dd>${details.email || 'Not recorded'}</dd>
</dl>
<p><a href="${isOwn ? page : `${page}/${colleague.id}`}${list}">${isOwn ? `Back to the people of ${name}` : `Back to ${person}`}</a></p>`,
  })
}

const notYours = (who: string): string =>
  `This is not yours to change. If ${who} came to this installation through an organization that you do not manage, a manager there changes it; if ${who === 'you' ? 'you' : 'they'} work in another institution too, only an administrator of this installation does.`

const noticeOf = ({ isOvertaken, isRefused }: State, person: string): Html | undefined => {
  if (isOvertaken)
    return notice(
      'problem',
      html`<p>Nothing was saved: somebody else has changed this since you opened the page. What you entered is still below; check it, and send it again if it is right.</p>`,
    )
  return isRefused ? notice('problem', html`<p>Nothing was saved. ${notYours(person)}</p>`) : undefined
}

const fieldsFor = (sent: ColleagueDetails, problems: Problems): readonly Field[] => [
  { name: 'name', label: 'Name', value: sent.name, problem: problems.name, autocomplete: 'off' },
  ...reachFields(sent, problems, ['phone', 'email']),
]
