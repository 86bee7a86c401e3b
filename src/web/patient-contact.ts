import type { FastifyReply, FastifyRequest } from 'fastify'
import { languages } from '../messages/catalogue.ts'
import type { PatientContact } from '../studies/patient-contact.ts'
import { contactProblems, type PatientProblems } from '../studies/patient-fields.ts'
import type { AddPage } from './add-page.ts'
import { notice, typed } from './form.ts'
import { ownToken } from './form-token.ts'
import { html } from './html.ts'
import { isOvertaken, notFound, overtaken, sendOwn } from './organizing.ts'
import { nameText } from './patient-facts.ts'
import { contactFields, patientProblemList } from './patient-form.ts'
import { requireSession, sessionOf } from './signed-in.ts'

type OfPatient = { readonly Params: { readonly id: string } }

/** Changes how a patient is reached, by whoever has registered them; for all others there is no such page. */
export const patientContactPage: AddPage = (server, { contacts }) => {
  const at = '/patients/:id/contact'
  const find = async (request: FastifyRequest<OfPatient>) =>
    (await contacts.find(sessionOf(request).person, request.params.id)) ?? notFound()
  server.get<OfPatient>(at, { onRequest: requireSession }, async (request, reply) => {
    const { patient, version, contact } = await find(request)
    return sendForm(reply, { id: request.params.id, name: nameText(patient.name?.[0] ?? {}), version, contact })
  })
  server.post<OfPatient>(at, { onRequest: requireSession }, async (request, reply) => {
    const { patient, version: now } = await find(request)
    const { id } = request.params
    const { body } = request
    const text = (name: string) => typed(body, name).trim()
    const contact = { email: text('email'), mobile: text('mobile'), language: text('language') }
    const shown = { id, name: nameText(patient.name?.[0] ?? {}), version: typed(body, 'version'), contact }
    const problems = contactProblems(
      contact,
      languages.map(({ code }) => code),
    )
    if (Object.keys(problems).length > 0) return sendForm(reply.code(422), { ...shown, problems })
    try {
      await contacts.change(sessionOf(request).person, id, shown.version, contact)
    } catch (error) {
      if (!isOvertaken(error)) throw error
      return sendForm(reply.code(412), { ...shown, version: now, isOvertaken: true })
    }
    return reply.redirect(`/patients/${id}`, 303)
  })
}

type Shown = {
  readonly id: string
  readonly name: string
  readonly version: string
  readonly contact: PatientContact
  readonly problems?: PatientProblems
  readonly isOvertaken?: boolean
}

const sendForm = (reply: FastifyReply, shown: Shown): FastifyReply => {
  const { id, name, version, contact, problems = {}, isOvertaken: wasFaster = false } = shown
  return sendOwn(reply, {
    title: 'Change how a patient is reached',
    isProblem: wasFaster || Object.keys(problems).length > 0,
    content: html`<h1>Change how ${name || 'the patient'} is reached</h1>
${wasFaster && notice('problem', overtaken)}
${patientProblemList(problems)}
<p>Another address ends the links that were sent to the one before, and that one is told that there is another now, if we ever wrote to it.</p>
<form method="post" action="/patients/${id}/contact" novalidate>
<input type="hidden" name="_csrf" value="${ownToken(reply)}"><input type="hidden" name="version" value="${version}">
${contactFields(contact, problems)}
<button class="btn btn-primary">Save</button>
</form>
<p class="mt-4"><a href="/patients/${id}">Back to the patient</a></p>`,
  })
}
