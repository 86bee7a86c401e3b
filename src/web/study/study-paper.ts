import type { FastifyReply, FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import {
  confirmPaper,
  discardPaper,
  findPaperAsked,
  type PaperAsked,
  readScan,
  recordPaper,
} from '../../studies/consent/paper-consent.ts'
import type { RecordedPaper } from '../../studies/consent/waiting-paper.ts'
import { reasonNotToAsk } from '../../studies/definition/study-status.ts'
import { findEnrolledPerson } from '../../studies/people/enrolled-person.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { sendScan } from '../page/scan-file.ts'
import { sentFile, takeFile } from '../page/sent-file.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { moment } from '../page/time.ts'
import { typed } from '../page/typed.ts'
import { backToStudy, listQuery } from './back-to-study.ts'
import { nextPaper } from './next-paper.ts'
import { paperConfirmers } from './paper-confirmers.ts'
import { mostScanBytes, type PaperState, paperForm, typedPaper } from './paper-form.ts'
import { textRead } from './paper-text.ts'
import { paperFacts, sendPaperWaiting } from './paper-waiting.ts'
import { type OfSubject, readStudyOf } from './read-study.ts'
import { doneUrl } from './study-done.ts'
import { whomFact } from './study-person.ts'

/** A consent that a patient has signed on paper: one of the staff records it with a scan, and it counts once another has confirmed it. */
export const studyPaperPage: AddPage = (server, options) => {
  const onRequest = requireSession
  const at = '/studies/:id/people/:subject/paper'
  server.get<OfSubject>(at, { onRequest }, async (request, reply) => {
    const paper = await paperOf(request, options)
    if (paper.waiting !== undefined) return sendPaperWaiting(reply, options, paper)
    return paper.confirmed === undefined
      ? sendRecord(reply, options, paper, { signedOn: '' })
      : sendConfirmed(reply, options, paper, paper.confirmed)
  })
  server.get<OfSubject>(`${at}/scan`, { onRequest }, async (request, reply) => {
    const scan = await readScan(await paperOf(request, options))
    return sendScan(reply, scan, 'consent')
  })
  for (const { path, done, settle } of settlings)
    server.post<OfSubject>(`${at}/${path}`, { onRequest }, async (request, reply) => {
      const paper = await paperOf(request, options)
      if (paper.waiting === undefined) return sendSettled(request, reply.code(409), options, paper)
      const why = await refusalOf(settle(options, paper, typed(request.body, 'recorded')))
      if (why === undefined) return reply.redirect(doneUrl(request, request.params.id, paper.subject, done), 303)
      const now = await paperOf(request, options)
      if (now.waiting === undefined) return sendSettled(request, reply.code(409), options, now)
      return sendPaperWaiting(reply.code(why.status === 412 ? 409 : why.status), options, now, why.message)
    })
  void server.register(async within => {
    await takeFile(within, { mostBytes: mostScanBytes, mostFields: 200 })
    within.post<OfSubject>(at, keepsTyped(options), async (request, reply) => {
      const paper = await paperOf(request, options)
      if (paper.waiting !== undefined) return sendPaperWaiting(reply.code(409), options, paper, recordedBefore)
      const read = typedPaper(request.body, paper, sentFile(request.body, 'scan'))
      if (read.kind === 'refused') return sendRecord(reply.code(read.status), options, paper, read.state)
      const other = await recordedMeanwhile(recordPaper(paper, read.signed), () => paperOf(request, options))
      if (other !== undefined) return sendPaperWaiting(reply.code(409), options, other, recordedBefore)
      const { id, subject } = request.params
      const page = `/studies/${id}/people/${subject}/paper`
      return reply.redirect(page + listQuery(request, { done: 'recorded' }), 303)
    })
  })
}

const recordedBefore = 'A consent of this patient was recorded since you opened the form, so what you sent was not'

/** What somebody else has recorded at the same moment, if there is such; without it, the refusal is thrown. */
const recordedMeanwhile = async (
  recorded: Promise<void>,
  readAgain: () => Promise<PaperAsked>,
): Promise<PaperAsked | undefined> => {
  try {
    await recorded
    return undefined
  } catch (error) {
    const paper = error instanceof FhirError && error.status < 500 ? await readAgain() : undefined
    if (paper?.waiting === undefined) throw error
    return paper
  }
}

/** Why it was not done to what is shown; anything else is thrown, such as that it is no longer what waits. */
const refusalOf = async (done: Promise<void>): Promise<FhirError | undefined> => {
  try {
    await done
    return undefined
  } catch (error) {
    if (!(error instanceof FhirError) || ![403, 409, 412, 422].includes(error.status)) throw error
    return error
  }
}

const paperOf = async (request: FastifyRequest<OfSubject>, options: PageOptions): Promise<PaperAsked> => {
  const { id: study, subject } = request.params
  const language = typed(request.body, 'language') || 'en'
  return findPaperAsked(options, { person: sessionOf(request).person, study, subject }, language)
}

const settlings = [
  { path: 'confirm', done: 'confirmed', settle: confirmPaper },
  {
    path: 'discard',
    done: 'discarded',
    settle: (_options: PageOptions, paper: PaperAsked, version: string) => discardPaper(paper, version),
  },
] as const

/** For somebody who was not the first: several may work on what waits. */
const sendSettled = async (
  request: FastifyRequest<OfSubject>,
  reply: FastifyReply,
  options: PageOptions,
  paper: PaperAsked,
): Promise<FastifyReply> => {
  const { asked, subject, confirmed } = paper
  return sendStaffPage(reply, {
    title: 'Consent on paper',
    isProblem: true,
    content: html`<h1>Consent on paper</h1>
${notice(
  'problem',
  html`<p>${confirmed === undefined ? notWaiting : confirmedBefore}</p><dl class="mb-0">${whomFact(await findEnrolledPerson(options, paper))}</dl>
${await nextPaper(request, options, await readStudyOf(request, options))}`,
)}
${backToStudy(request, asked.study.id ?? '', subject)}`,
  })
}

const confirmedBefore =
  'It was confirmed before you pressed the button, and takes effect already: by somebody else, or because the button was pressed twice.'

const notWaiting =
  'It waits no longer: it was discarded or changed, or the patient has answered themselves. What you pressed did nothing.'

/** What holds by a paper. What is wrong with it is put right by ending it, and recording a new paper. */
const sendConfirmed = async (
  reply: FastifyReply,
  options: PageOptions,
  paper: PaperAsked,
  confirmed: RecordedPaper,
): Promise<FastifyReply> => {
  const { asked, subject } = paper
  const { request } = reply
  const back = listQuery(request)
  const next =
    queryOf(request).get('state') === 'paper' &&
    (await nextPaper(request, options, await readStudyOf(request as FastifyRequest<OfSubject>, options)))
  return sendStaffPage(reply, {
    title: 'Consent on paper',
    content: html`<h1>Consent on paper</h1>
<p>They share by this paper. Only they change it themselves, signed in or by an app. If they tell you that they want to stop, or it is not what they signed, <a href="/studies/${asked.study.id}/people/${subject}/withdrawal${back}">withdraw for them</a>; then a new paper can be recorded.</p>
${await paperFacts(options, paper, confirmed)}
${next}
${backToStudy(request, asked.study.id ?? '', subject)}`,
  })
}

const sendRecord = async (
  reply: FastifyReply,
  options: PageOptions,
  paper: PaperAsked,
  state: PaperState,
): Promise<FastifyReply> => {
  const { asked, subject, text, closed } = paper
  const token = ownToken(reply)
  const page = `/studies/${asked.study.id}/people/${subject}/paper${listQuery(reply.request)}`
  const why = reasonAgainst(paper)
  return sendStaffPage(reply, {
    title: 'Consent on paper',
    isProblem: state.problems !== undefined || state.isOvertaken === true,
    content: html`<h1>Consent on paper</h1>
<dl>${whomFact(await findEnrolledPerson(options, paper))}</dl>
${
  why === undefined
    ? html`${state.isOvertaken && otherText}
<p>Record what the patient has signed, with its scan. It takes effect once somebody else on the staff has compared the two and confirmed it. ${await paperConfirmers(options, paper)}</p>
${closed && html`<p>The study has taken no new patients since ${moment(new Date(closed.at))}: only paper that was signed before can be recorded.</p>`}
${
  text &&
  html`<p>Only paper with version ${text.version} of the text can be recorded: patients have been signing it since ${moment(text.publishedAt)}.</p>
${textRead(text)}`
}
${paperForm({ page, token, paper, state })}`
    : notice('warning', html`<p>${why}</p>`)
}
${backToStudy(reply.request, asked.study.id ?? '', subject)}`,
  })
}

const otherText = notice(
  'problem',
  html`<p>Another version of the text was published since this form was shown, so nothing was recorded. Check whether the paper has the version shown here now. What you typed is still here; choose the scan again.</p>`,
)

const reasonAgainst = ({ asked: { study, consent, text }, closed }: PaperAsked): string | undefined => {
  if (consent?.status === 'active') return 'They already share, and change what they share themselves.'
  if (closed?.at === '-infinity') return 'The first day of the study is still to come, and nobody can sign before it.'
  if (text === undefined) return 'The study has no text yet that can be signed.'
  const why = closed === undefined ? reasonNotToAsk(study) : undefined
  return why && `${why}.`
}
