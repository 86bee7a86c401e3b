import type { Patient } from '@medplum/fhirtypes'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { postalAddressesOf } from '../../accounts/contact/postal-address.ts'
import { nameText } from '../../fhir/display-name.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { languageCodes } from '../../messages/catalogue.ts'
import type { PhoneCountry } from '../../storage/model/mobile-number.ts'
import { type PatientFields, type PatientProblems, problemsOfChange } from '../../studies/patient/patient-fields.ts'
import type { AddPage } from '../page/add-page.ts'
import { notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { notFound } from '../page/not-found.ts'
import { isOvertaken, overtaken } from '../page/overtaken.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { typed } from '../page/typed.ts'
import { keepingBack } from './patient-back.ts'
import { patientFields, patientProblemList, typedFields } from './patient-form.ts'

type OfPatient = { readonly Params: { readonly id: string } }

/** Changes who a patient is and how to reach them, for those who registered them; for all others there is no such page. */
export const patientChangePage: AddPage = (server, options) => {
  const { patientChanges, phoneCountry } = options
  const at = '/patients/:id/change'
  const find = async (request: FastifyRequest<OfPatient>) =>
    (await patientChanges.find(sessionOf(request).person, request.params.id)) ?? notFound()
  server.get<OfPatient>(at, { onRequest: requireSession }, async (request, reply) => {
    const { patient, version, fields } = await find(request)
    return sendForm(reply, { id: request.params.id, phoneCountry, patient, version, fields })
  })
  server.post<OfPatient>(at, keepsTyped(options), async (request, reply) => {
    const { patient, fields: before } = await find(request)
    const { id } = request.params
    const { body } = request
    const fields = typedFields(body, phoneCountry, before)
    const shown = { id, phoneCountry, patient, version: typed(body, 'version'), fields }
    const problems = problemsOfChange(fields, before, { languages: languageCodes, phoneCountry })
    if (Object.keys(problems).length > 0) return sendForm(reply.code(422), { ...shown, problems })
    try {
      await patientChanges.change(sessionOf(request).person, id, shown.version, fields)
    } catch (error) {
      if (!isOvertaken(error)) throw error
      const { version, fields: saved } = await find(request)
      return sendForm(reply.code(409), { ...shown, version, saved })
    }
    return reply.redirect(`/patients/${id}${keepingBack(queryOf(request), { done: 'changed' })}`, 303)
  })
}

type Shown = {
  readonly id: string
  readonly phoneCountry: PhoneCountry
  readonly patient: Patient
  readonly version: string
  readonly fields: PatientFields
  readonly problems?: PatientProblems
  /** What somebody else has saved since the form was shown. */
  readonly saved?: PatientFields
}

const sendForm = (reply: FastifyReply, shown: Shown): FastifyReply => {
  const { id, phoneCountry, patient, version, fields, problems = {}, saved } = shown
  const back = keepingBack(queryOf(reply.request))
  return sendStaffPage(reply, {
    title: 'Edit a patient’s details',
    isProblem: saved !== undefined || Object.keys(problems).length > 0,
    content: html`<h1>Edit the details of ${nameText(patient.name?.[0]) || 'the patient'}</h1>
${saved && notice('problem', overtaken)}
${patientProblemList(problems)}
<p>A patient who has been invited shows who they are by the birth date entered here.</p>
<p>Changing an address ends the links that were sent to the old one: whoever was invited by one is invited again, on the page of the study. If we ever wrote to the old address, it is told that there is another now.</p>
${postForm(
  { action: `/patients/${id}/change${back}`, token: ownToken(reply), hidden: { version }, novalidate: true },
  html`${patientFields(phoneCountry, fields, problems, saved)}
${postalShown(patient)}
<button class="btn btn-primary">Save</button>`,
)}
<p class="mt-4"><a href="/patients/${id}${back}">Back to the patient</a></p>`,
  })
}

/** Patients change it themselves, and apps over FHIR. */
const postalShown = (patient: Patient): Html => {
  const shown = postalAddressesOf(patient)
  return html`<dl>
<dt>Postal address</dt>${shown.length === 0 ? html`<dd>Not known</dd>` : shown.map(lines => html`<dd class="plain-text">${lines}</dd>`)}
<dd class="text-body-secondary">Patients with an account here change it themselves.</dd>
</dl>`
}
