import type { ResearchStudy } from '@medplum/fhirtypes'
import type { FastifyRequest } from 'fastify'
import type { Caller } from '../access/caller.ts'
import { extensions } from '../fhir/canonical.ts'
import { intervalOfPeriod } from '../fhir/date.ts'
import { FhirError, unlessRefused } from '../fhir/error.ts'
import { queryOf } from '../http/presentation.ts'
import { openCursors } from '../interactions/cursor.ts'
import { callerOfSession } from '../storage/account/session.ts'
import type { Answer } from '../studies/answer.ts'
import { type EnrolledPerson, findEnrolledPeople } from '../studies/enrolled-people.ts'
import { findChangeableStudy } from '../studies/study-change.ts'
import { statusName } from '../studies/study-status.ts'
import { mayWithdrawIn } from '../studies/withdrawal-by-staff.ts'
import type { AddPage, PageOptions } from './add-page.ts'
import { ownToken } from './form-token.ts'
import { type Html, html } from './html.ts'
import { sendPage } from './page.ts'
import { requireSession, sessionOf } from './signed-in.ts'
import { titleOf } from './study-changing.ts'
import { invitationOf } from './study-invitation.ts'
import { nameOf } from './study-person.ts'
import { moment } from './time.ts'

type OfStudy = { readonly Params: { readonly id: string } }

/** A study and its people, as staff may read them over FHIR; for all others there is no such page. */
export const studyPage: AddPage = (server, options) => {
  const cursorsFor = openCursors(options.accounts.secretKey)
  server.get<OfStudy>('/studies/:id', { onRequest: requireSession }, async (request, reply) => {
    const { caller, study } = await studyOf(request, options)
    const page = `/studies/${study.id}`
    const cursors = cursorsFor(caller)
    const at = queryOf(request).get('page')
    const cursor = at === null ? undefined : cursors.open(at, page).page
    const seesAnswers = maySeeAnswers(caller, study)
    const { people, next } = await findEnrolledPeople(options, caller, study, { seesAnswers, cursor })
    const invitable = await options.invitations.list(
      sessionOf(request).person,
      people.map(({ id }) => id),
    )
    const mayWithdraw = await mayWithdrawIn(options, sessionOf(request).person, request.params.id)
    const title = titleOf(study)
    const isChangeable = await unlessRefused(() =>
      findChangeableStudy(options, sessionOf(request).person, request.params.id),
    )
    const token = ownToken(reply)
    const shown = { page, token, now: Date.now() }
    return sendPage(reply, {
      title,
      signOut: { token },
      content: html`<h1>${title}</h1>
<dl>
<dt>Status</dt><dd>${statusName(study)}</dd>
${study.description && html`<dt>About it</dt><dd>${study.description}</dd>`}
</dl>
${isChangeable && html`<p><a href="${page}/settings">Settings of the study</a></p>`}
<h2>People</h2>
${
  people.length === 0
    ? html`<p>Nobody is in this study yet, as far as you may see.</p>`
    : html`<ul class="list-group list-group-flush mb-4">${people.map(person => listed(person, [invitationOf(person, invitable, shown), mayWithdraw && withdrawalOf(person, page)]))}</ul>`
}
${next !== undefined && html`<p><a href="${page}?page=${cursors.seal({ path: page, query: '', page: next })}">More people</a></p>`}
${at !== null && html`<p><a href="${page}">Back to the first page</a></p>`}
<p><a href="/studies">Back to the studies</a></p>`,
    })
  })
}

/** Throws `not-found` for whoever is no staff, or may not read the study, as if there were none. */
const studyOf = async (
  request: FastifyRequest<OfStudy>,
  { accounts, openStoreFor }: PageOptions,
): Promise<{ readonly caller: Caller; readonly study: ResearchStudy }> => {
  const caller = await callerOfSession(accounts.database, sessionOf(request))
  if (caller?.practitioner === undefined) throw new FhirError('not-found', 'There is no such study')
  const { content } = await openStoreFor(caller).read('ResearchStudy', request.params.id)
  return { caller, study: JSON.parse(content) }
}

/** Members who register people for a study whose staff alone reads see no answers, which is not the same as that there is none. */
const maySeeAnswers = ({ practitioner }: Caller, { extension = [] }: ResearchStudy): boolean => {
  const access = extension.find(({ url }) => url === extensions.access)?.valueCode ?? 'organization'
  if (access === 'organization') return true
  const now = new Date().toISOString()
  return extension.some(({ url, extension: parts = [] }) => {
    const part = (name: string) => parts.find(one => one.url === name)
    const { low, high } = intervalOfPeriod(part('period')?.valuePeriod ?? {})
    const isInForce = (low === '-infinity' || low <= now) && (high === 'infinity' || now < high)
    return (
      url === extensions.staff &&
      isInForce &&
      part('practitioner')?.valueReference?.reference === `Practitioner/${practitioner}`
    )
  })
}

const listed = (
  person: EnrolledPerson,
  actions: readonly (Html | undefined | false)[],
): Html => html`<li class="list-group-item px-0 py-3">
<h3>${person.patient === undefined ? nameOf(person) : html`<a href="/patients/${person.patient.id}">${nameOf(person)}</a>`}</h3>
<p>${person.answer === undefined ? 'You may not see what they answered.' : answers[person.answer]}${person.hasEnded && ' Their place in the study has ended.'}</p>
<p class="text-body-secondary">${arrived(person)}</p>
${actions}
</li>`

const withdrawalOf = (person: EnrolledPerson, page: string): Html | undefined =>
  person.answer === 'all' || person.answer === 'partly'
    ? html`<p><a href="${page}/people/${person.id}/withdrawal" aria-label="They want to stop, and told us so: ${nameOf(person)}">They want to stop, and told us so</a></p>`
    : undefined

const answers: Readonly<Record<Answer, string>> = {
  none: 'Has not answered yet.',
  all: 'Shares all that the study asks for.',
  partly: 'Shares a part of what the study asks for.',
  declined: 'Has declined.',
  withdrawn: 'Has withdrawn.',
}

/** Who shares, and sends nothing for so long, is silent. */
const silentDays = 14

const arrived = ({ newest, answer }: EnrolledPerson): Html => {
  const shares = answer === 'all' || answer === 'partly'
  if (newest === undefined)
    return html`${shares ? 'Silent: you see no data of theirs yet.' : 'You see no data of theirs.'}`
  const measured = newest.measured === undefined ? '' : html`, measured ${moment(new Date(newest.measured))}`
  const isSilent = shares && Date.now() - newest.arrived.getTime() > silentDays * 24 * 60 * 60 * 1000
  return html`${isSilent ? `Silent for ${silentDays} days: the` : 'The'} newest reading came ${moment(newest.arrived)}${measured}.`
}
