import type { FastifyReply } from 'fastify'
import { queryOf } from '../../http/fhir/presentation.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { calledIn, findSharer, openGiven, type SharedRecord } from '../../studies/consent/sharers.ts'
import type { AddPage } from '../page/add-page.ts'
import { type Html, html } from '../page/html.ts'
import { printedLine } from '../page/printed-line.ts'
import { requireSession } from '../page/signed-in.ts'
import { staffCallerOf } from '../page/staff-caller.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { dayOrMoment, moment } from '../page/time.ts'
import { backIn, backLink, patientUrl } from '../patient/patient-back.ts'
import { patientCharts } from '../patient/patient-charts.ts'
import { lineText } from '../sharing/sharing-line.ts'
import { whoText, withWhom } from './sharer-text.ts'

const words = wordsFor('en')

/** What a patient shares with the clinician who is signed in by one Consent, as charts. All others are told that nothing is shared with them. */
export const sharerPage: AddPage = (server, options) => {
  const { registry, codeClasses } = options
  server.get<{ readonly Params: { readonly consent: string } }>(
    '/shared/:consent',
    { onRequest: requireSession },
    async (request, reply) => {
      const caller = await staffCallerOf(request, options)
      const found = await findSharer(options, caller, request.params.consent, words)
      if (found === undefined) return sendNotShared(reply)
      const id = found.consent.id ?? ''
      const query = queryOf(request)
      const page = {
        path: `/shared/${id}`,
        name: whoText(found),
        patient: found.patientId,
        devices: found.patient === undefined ? ('by-source' as const) : ('named' as const),
        shown: words.say('chart.shared'),
        never: html`<p>${words.say('chart.never-shared')}</p>
<p>${words.say('chart.never-how')}</p>`,
      }
      const charts = await patientCharts(
        { registry, codeClasses, store: openGiven(options, caller, id), words },
        page,
        query,
      )
      return sendStaffPage(reply, {
        title: whoText(found),
        isProblem: charts.isProblem,
        isWide: true,
        content: html`<h1>${whoText(found)}</h1>
${printedLine(words)}
${facts(found)}
${charts.content}
${backLink(backIn(query) ?? '/shared')}`,
      })
    },
  )
}

/** The same whether it has ended, is somebody else's, or never was. */
const sendNotShared = (reply: FastifyReply): FastifyReply =>
  sendStaffPage(reply.code(404), {
    title: 'Nothing is shared with you here',
    content: html`<h1>Nothing is shared with you here</h1>
<p>If you have seen something here before, the patient has stopped sharing it, or what they shared is over. You see none of it any more. If not, the address may be mistyped.</p>
<p><a href="/shared">Shared with me</a></p>`,
  })

const facts = (found: SharedRecord): Html => {
  const { consent, until, lines } = found
  return html`<dl class="facts">
<div><dt>Shared with</dt><dd>${withWhom(found)}</dd></div>
${consent.dateTime !== undefined && html`<div><dt>Since</dt><dd>${dayOrMoment(consent.dateTime, words)}</dd></div>`}
<div><dt>Until</dt><dd>${until === undefined ? 'the patient ends it' : html`${moment(until)}, unless the patient ends it before`}</dd></div>
</dl>
<p>${knownText(found)}</p>
<h2>What you can see</h2>
<ul>${lines.map(line => html`<li>${lineText(line, words)}</li>`)}</ul>`
}

const knownText = (found: SharedRecord): Html | string => {
  const { patient, code } = found
  if (patient !== undefined)
    return html`<a href="${patientUrl(patient.id ?? '', `/shared/${found.consent.id}`)}">The patient’s page</a>`
  return calledIn(found) === undefined
    ? `No name was given, and you do not see the patient’s record. The code ${code} stays the same.`
    : `The name is as it was given with the consent. You do not see the patient’s record. Their code is ${code}.`
}
