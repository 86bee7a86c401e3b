import type { FastifyReply } from 'fastify'
import { queryOf } from '../../http/fhir/presentation.ts'
import { languageCodes } from '../../messages/catalogue.ts'
import type { PhoneCountry } from '../../storage/model/mobile-number.ts'
import type { Duplicate } from '../../studies/patient/duplicate-patients.ts'
import {
  type PatientFields,
  type PatientProblems,
  patientFieldNames,
  readPatientFields,
} from '../../studies/patient/patient-fields.ts'
import type { AddPage } from '../page/add-page.ts'
import { notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { typed } from '../page/typed.ts'
import { digestOf, duplicateLine, moreDuplicates, mostDuplicates } from './duplicate-line.ts'
import { patientFields, patientProblemList, typedFields } from './patient-form.ts'
import {
  enrollingId,
  isEnrolmentRefused,
  nobodyEnrolled,
  organizationField,
  type Place,
  placeOf,
  postedPlaceOf,
} from './registering-place.ts'

/** Registers a patient in an organization of the person who does it, and enrols them if they come from a study. */
export const patientNewPage: AddPage = (server, options) => {
  const { phoneCountry } = options
  server.get('/patients/new', { onRequest: requireSession }, async (request, reply) => {
    const study = queryOf(request).get('study') ?? ''
    const into = await placeOf(request, options, { study, organization: '' })
    return sendForm(reply, { ...into, phoneCountry, fields: noFields, problems: {}, duplicates: [] })
  })
  server.post('/patients/new', keepsTyped(options), async (request, reply) => {
    const { body } = request
    const posted = { study: typed(body, 'study'), organization: typed(body, 'organization') }
    const into = await postedPlaceOf(request, options, posted)
    const fields = typedFields(body, phoneCountry)
    const read = readPatientFields(fields, { languages: languageCodes, phoneCountry })
    if (read.kind === 'wrong')
      return sendForm(reply.code(422), { ...into, phoneCountry, fields, problems: read.problems, duplicates: [] })
    const typedAgain = { phoneCountry, fields, problems: {}, duplicates: [] }
    if (into.closed !== undefined || isEnrolmentRefused(reply, into))
      return sendForm(reply.code(409), { ...into, ...typedAgain })
    const { person } = sessionOf(request)
    const { organization, study } = into
    const place = { organization, study: study?.id }
    const shown = typed(body, 'anyway')
    const registered = await options.registering.register(
      person,
      read.patient,
      place,
      found => digestOf(found) === shown,
    )
    if (registered.kind === 'alike')
      return sendForm(reply.code(409), { ...into, ...typedAgain, duplicates: registered.duplicates })
    if (registered.kind === 'closed')
      return sendForm(reply.code(409), { ...(await postedPlaceOf(request, options, posted)), ...typedAgain })
    const { id, subject = '' } = registered
    const inStudy = new URLSearchParams({ done: 'registered', subject })
    return reply.redirect(
      study === undefined ? `/patients/${id}?done=registered` : `/studies/${study.id}?${inStudy}`,
      303,
    )
  })
}

const noFields = Object.fromEntries(patientFieldNames.map(name => [name, ''])) as PatientFields

type Shown = Place & {
  readonly phoneCountry: PhoneCountry
  readonly fields: PatientFields
  readonly problems: PatientProblems
  readonly duplicates: readonly Duplicate[]
}

const sendForm = (reply: FastifyReply, shown: Shown): FastifyReply => {
  const { study, phoneCountry, fields, problems, duplicates, closed } = shown
  const isRefused = isEnrolmentRefused(reply, shown)
  const isProblem = Object.keys(problems).length > 0 || duplicates.length > 0 || closed !== undefined || isRefused
  return sendStaffPage(reply, {
    title: 'Register a patient',
    isProblem,
    content: html`<h1>Register a patient</h1>
${study && (nobodyEnrolled(shown, { isRefused, instead: `${isRefused ? 'What you entered is still below: if you send it again, the' : 'The'} patient is registered without being enrolled.` }) ?? html`<p>The patient is enrolled in ${study.name} at once, and invited when you choose to.</p>`)}
${closed && notice('problem', html`<p>${closed.name} has been closed, so nobody is registered in it. What you entered is still below${shown.organizations.length > 1 && ': choose another organization, if it belongs there'}.</p>`)}
${patientProblemList(problems)}
${duplicates.length > 0 && warning(duplicates)}
${postForm(
  { action: '/patients/new', token: ownToken(reply), hidden: { study: enrollingId(shown) }, novalidate: true },
  html`${organizationField(shown, 'the record')}
${patientFields(phoneCountry, fields, problems)}
<div class="d-flex flex-wrap gap-2">
<button class="btn btn-primary">${duplicates.length > 0 ? 'Check again' : 'Register'}</button>
${duplicates.length > 0 && html`<button class="btn btn-outline-primary" name="anyway" value="${digestOf(duplicates)}">Register anyway</button>`}
</div>`,
)}
<p class="mt-4">${study === undefined ? html`<a href="/patients">Back to the patients</a>` : html`<a href="/studies/${study.id}">Back to the study</a>`}</p>`,
  })
}

const warning = (duplicates: readonly Duplicate[]): Html =>
  notice(
    'problem',
    html`<h2 class="alert-heading">There may be a record of this patient already</h2>
<ul>${duplicates.slice(0, mostDuplicates).map(one => html`<li>${duplicateLine(one)}</li>`)}</ul>
${moreDuplicates(duplicates)}
<p>If it is somebody else, register them anyway.</p>`,
  )
