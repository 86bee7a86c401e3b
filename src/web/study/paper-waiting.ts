import type { Consent } from '@medplum/fhirtypes'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { queryOf } from '../../http/fhir/presentation.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { permitsOfLine } from '../../studies/consent/own-consent.ts'
import { nameOf } from '../../studies/consent/own-record.ts'
import type { AskedLine } from '../../studies/consent/own-study.ts'
import { type PaperAsked, reasonNotToConfirm } from '../../studies/consent/paper-consent.ts'
import type { RecordedPaper } from '../../studies/consent/waiting-paper.ts'
import { findPractitioners } from '../../studies/definition/study-staff.ts'
import { findEnrolledPerson } from '../../studies/people/enrolled-person.ts'
import type { PageOptions } from '../page/add-page.ts'
import { form, notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { dayOrMoment, moment } from '../page/time.ts'
import { edgeAsWritten } from '../sharing/period-edge.ts'
import { chosenPeriod } from '../sharing/sharing-preview.ts'
import { backToStudy, listQuery } from './back-to-study.ts'
import { paperAfter } from './next-paper.ts'
import { paperConfirmers } from './paper-confirmers.ts'
import { languageOf, textRead } from './paper-text.ts'
import type { OfSubject } from './read-study.ts'
import { whomFact } from './study-person.ts'

/** What was recorded from paper, beside its scan; somebody other than the one who recorded it confirms or refuses it. */
export const sendPaperWaiting = async (
  reply: FastifyReply,
  options: PageOptions,
  paper: PaperAsked,
  problem?: string,
): Promise<FastifyReply> => {
  const { asked, subject, practitioner, waiting } = paper
  const token = ownToken(reply)
  const page = `/studies/${asked.study.id}/people/${subject}/paper`
  const back = listQuery(reply.request)
  const told = problem ?? reasonNotToConfirm(paper)
  const isOwn = waiting?.record.practitioner === practitioner
  const isJustRecorded = told === undefined && isOwn && queryOf(reply.request).get('done') === 'recorded'
  return sendStaffPage(reply, {
    title: 'Consent on paper',
    isProblem: told !== undefined,
    content: html`<h1>Consent on paper</h1>
${told !== undefined && notice('problem', html`<p>${told}.</p>`)}
${isJustRecorded && notice('done', html`<p>It is recorded.</p>`)}
${waiting && (await paperFacts(options, paper, waiting))}
${
  reasonNotToConfirm(paper) !== undefined
    ? undefined
    : isOwn
      ? html`<p>You recorded this consent. Somebody else on the staff compares it with the scan and confirms it; until then it has no effect. ${await paperConfirmers(options, paper)}</p>`
      : html`<p>Compare it with the scan: the patient, the version of the text, the date, the lines, and the signature. It takes effect as soon as you confirm it, and the patient is told, if their record has an address.</p>
${form({ action: `${page}/confirm${back}`, token, hidden: { recorded: waiting?.version ?? '' }, fields: [], button: 'Confirm that this was signed' })}`
}
${postForm({ action: `${page}/discard${back}`, token, hidden: { recorded: waiting?.version } }, html`<button class="btn btn-outline-primary">Discard this record</button>`)}
${!isOwn && (await paperAfter(reply.request as FastifyRequest<OfSubject>, options))}
${backToStudy(reply.request, asked.study.id ?? '', subject)}`,
  })
}

/** What was recorded, from which paper. */
export const paperFacts = async (
  options: PageOptions,
  paper: PaperAsked,
  { consent, record }: RecordedPaper,
): Promise<Html> => {
  const { asked, text, store } = paper
  const words = wordsFor('en')
  const named = [record.practitioner, ...(record.confirmedBy === null ? [] : [record.confirmedBy])]
  const names = await findPractitioners(store, options.registry, named)
  const by = names.get(record.practitioner)
  const confirmedBy = names.get(record.confirmedBy ?? '')
  const [verified] = consent.verification ?? []
  const lines = await Promise.all(asked.lines.map(line => recorded(paper, consent, line)))
  return html`<dl>
${whomFact(await findEnrolledPerson(options, paper))}
<dt>Signed</dt><dd>${dayOrMoment(consent.dateTime ?? '', words)}</dd>
${text && html`<dt>Text</dt><dd>Version ${text.version}${languageOf(text)}, since ${moment(text.publishedAt)}${textRead(text)}</dd>`}
<dt>Recorded</dt><dd>${moment(record.recordedAt)}${by && `, by ${by}`}</dd>
${verified?.verificationDate && html`<dt>Confirmed by somebody else</dt><dd>${dayOrMoment(verified.verificationDate, words)}${confirmedBy && `, by ${confirmedBy}`}</dd>`}
<dt>What is recorded</dt><dd><ul>${lines}</ul></dd>
</dl>
<p><a href="/studies/${asked.study.id}/people/${paper.subject}/paper/scan">Open the scan</a></p>`
}

/** What was recorded of a line. If it was narrowed to some devices, whoever compares it with the scan has to see to which. */
const recorded = async ({ asked }: PaperAsked, consent: Consent, line: AskedLine): Promise<readonly Html[]> => {
  const words = wordsFor('en')
  const isOther = (source: string | undefined) =>
    asked.lines.some(one => one !== line && one.kind === line.kind && one.source === source)
  const permits = permitsOfLine(consent, line).filter(({ source }) => !isOther(source))
  if (permits.length === 0) return [html`<li>${line.what}: not shared</li>`]
  return Promise.all(
    permits.map(async ({ permit, source }) => {
      const { start = '', end = '' } = permit.dataPeriod ?? {}
      const device = source === undefined ? '' : ((await nameOf(asked.record, `Device/${source}`)) ?? source)
      const what = source === line.source ? line.what : words.say('choose.device', { kind: line.kindName, device })
      return html`<li>${what}: ${chosenPeriod({ line, from: start, until: end }, words, edgeAsWritten)}</li>`
    }),
  )
}
