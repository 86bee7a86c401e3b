import type { ResearchStudy } from '@medplum/fhirtypes'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { narrowedTo } from '../../access/caller.ts'
import { unlessRefused } from '../../fhir/error.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { chosenIn } from '../../storage/model/study.ts'
import type { Store } from '../../storage/store.ts'
import { mayWithdrawIn } from '../../studies/consent/withdrawal-by-staff.ts'
import { titleOf } from '../../studies/definition/study-title.ts'
import { type EnrolledPerson, findOneEnrolled } from '../../studies/people/enrolled-people.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { notFound } from '../page/not-found.ts'
import { printedLine } from '../page/printed-line.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { dayOrMoment, moment } from '../page/time.ts'
import type { ChartsPage } from '../patient/nothing-drawn.ts'
import { backIn, backLink, patientUrl } from '../patient/patient-back.ts'
import { patientCharts } from '../patient/patient-charts.ts'
import { placeQuery } from './back-to-study.ts'
import { byStaff } from './by-staff.ts'
import { notRead } from './not-read.ts'
import { type OfSubject, type ReadStudy, readStudyOf } from './read-study.ts'
import { doneText } from './study-done.ts'
import { invitationOf, notAsking } from './study-invitation.ts'
import { answered, arrived, nameOf, notAsked } from './study-person.ts'

/**
 * What somebody shares with a study, for whoever may see their place in it. A study that knows people by code shows nothing here that tells who they
 * are, not even the Patient's id, whatever else the reader may read of the same patient.
 */
export const studyParticipantPage: AddPage = (server, options) => {
  const { registry, codeClasses, openStoreFor } = options
  server.get<OfSubject>('/studies/:id/people/:subject', { onRequest: requireSession }, async (request, reply) => {
    const read = await readStudyOf(request, options)
    const { caller, study } = read
    const person = await findParticipant(request, options, read)
    const path = `/studies/${study.id}/people/${person.id}`
    const query = queryOf(request)
    const back = backIn(query) ?? `/studies/${study.id}`
    // With all rights of the reader, it would also draw what is shared with another study, or with the reader alone.
    const store = openStoreFor(narrowedTo(caller, study.id ?? ''))
    const charts =
      nothingToDraw(person, study) ??
      (await patientCharts({ registry, codeClasses, store, words: english }, chartsOn(path, person), query))
    const name = nameOf(person)
    const { told, actions } = await actionsFor(request, reply, options, { read, person })
    return sendStaffPage(reply, {
      title: `${name}: ${titleOf(study)}`,
      isProblem: charts.isProblem,
      isWide: true,
      content: html`<h1>${name}${notAsked(person) && html` <span class="badge text-bg-secondary">${notAsked(person)}</span>`}</h1>
${printedLine()}
${told !== undefined && notice('done', html`<p>${told}</p>`)}
${facts(person, study, await enrolledAt(openStoreFor(caller), person))}
${actions}
${person.patient && html`<p class="no-print"><a href="${patientUrl(person.patient.id ?? '', back.startsWith('/patients/') ? '/patients' : back)}">The patient’s page</a></p>`}
${charts.content}
${backLink(back)}`,
    })
  })
}

const english = wordsFor('en')

type Open = { readonly read: ReadStudy; readonly person: EnrolledPerson }

/** What the reader can do for them, and what they have just done. */
const actionsFor = async (
  request: FastifyRequest<OfSubject>,
  reply: FastifyReply,
  options: PageOptions,
  { read: { study }, person }: Open,
): Promise<{ readonly told: string | undefined; readonly actions: Html }> => {
  const reader = sessionOf(request).person
  const invitable = await options.invitations.list(reader, [person.id])
  const back = placeQuery(queryOf(request))
  const asks = await mayWithdrawIn(options, reader, request.params.id)
  const enrols = invitable.has(person.id)
  return {
    told: doneText(queryOf(request), person, invitable.get(person.id)?.invitation),
    actions: html`${enrols && !person.hasEnded && notAsking(study)}<div class="actions no-print mb-4">
${invitationOf(person, invitable, { study, back, token: ownToken(reply), hasOutbox: request.hasOutbox === true })}
${byStaff(person, { study, back, asks, enrols })}</div>`,
  }
}

/** Throws `not-found` if the reader sees nobody like this in the study, as if there were no such place. */
const findParticipant = async (
  { params }: FastifyRequest<OfSubject>,
  options: PageOptions,
  { caller, study }: ReadStudy,
): Promise<EnrolledPerson> => {
  const found = await findOneEnrolled(options, caller, study, params.subject)
  if (found === undefined) return notFound()
  if (chosenIn(study, 'identity') === 'identified') return found
  const { patient: _, ...coded } = found
  return coded
}

/** Over FHIR, a place may name somebody in words alone. */
const ofNobody = html`<p>Their place names no patient, so there is nothing to show.</p>`

const nothingToDraw = ({ patientId }: EnrolledPerson, study: ResearchStudy): Drawn | undefined => {
  const said = patientId === '' ? ofNobody : notRead(study)
  return said && { isProblem: false, content: said }
}

type Drawn = Awaited<ReturnType<typeof patientCharts>>

/** The same is said about missing data, whether anything is withheld or not. */
const chartsOn = (path: string, person: EnrolledPerson): ChartsPage => ({
  path,
  name: nameOf(person),
  patient: person.patientId,
  devices: 'by-source',
  shown:
    'You see what they share with this study at this moment. What is missing was not measured, or is not shared with the study, or not with you.',
  never: html`<p>You see no measurement of theirs: none was sent, or none is shared with this study, or not with you.</p>
${isStill(person.state) && html`<p>${english.say('chart.never-how')}</p>`}`,
})

/** Whether readings of theirs may still come; also for whoever may not know what they answer. */
const isStill = (state: EnrolledPerson['state']): boolean => state === undefined || !over.has(state)
const over: ReadonlySet<EnrolledPerson['state']> = new Set(['declined', 'withdrawn', 'ended'])

/** When their place began, or else when it was made. */
const enrolledAt = async (store: Store, { id, enrolled }: EnrolledPerson): Promise<Html | string | undefined> => {
  if (enrolled !== undefined) return dayOrMoment(enrolled, english)
  const first = await unlessRefused(() => store.vread('ResearchSubject', id, '1'))
  return first && moment(first.lastUpdated)
}

const facts = (person: EnrolledPerson, study: ResearchStudy, enrolled: Html | string | undefined): Html => {
  const { patient, codes } = person
  const { gender, birthDate } = patient ?? { gender: person.gender, birthDate: person.birthYear }
  const fact = (name: string, value: Html | string | undefined) =>
    html`<div><dt>${name}</dt><dd>${value ?? english.say('chart.not-known')}</dd></div>`
  return html`<dl class="facts">
${fact('Study', html`<a href="/studies/${study.id}">${titleOf(study)}</a>`)}
${patient && codes.length > 0 && fact('Code', codes.join(', '))}
${fact('Gender', gender)}
${fact('Year of birth', birthDate?.slice(0, 4))}
${fact('Enrolled', enrolled)}
${fact('Answer', answered(person))}
${fact('Data', arrived(person))}
</dl>`
}
