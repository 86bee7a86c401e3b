import type { Patient } from '@medplum/fhirtypes'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { nameText } from '../../fhir/display-name.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { problemOfDeath, type RecordStanding, standingOf } from '../../studies/patient/record-standing.ts'
import type { AddPage } from '../page/add-page.ts'
import { box, field, notice, postForm, problemList } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { notFound } from '../page/not-found.ts'
import { isOvertaken, overtaken } from '../page/overtaken.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { typed } from '../page/typed.ts'
import { calendarOf, dateAsked, dateShown } from '../page/typed-day.ts'
import { keepingBack } from './patient-back.ts'
import { patientFacts } from './patient-facts.ts'

type OfPatient = { readonly Params: { readonly id: string } }

/** Says that a patient has died, or that their record is not in use, and takes either back, for those who registered them. */
export const patientRecordPage: AddPage = (server, options) => {
  const { patientChanges } = options
  const at = '/patients/:id/record'
  const find = async (request: FastifyRequest<OfPatient>) =>
    (await patientChanges.find(sessionOf(request).person, request.params.id)) ?? notFound()
  server.get<OfPatient>(at, { onRequest: requireSession }, async (request, reply) => {
    const { patient, version } = await find(request)
    return sendRecord(reply, { patient, version, standing: standingOf(patient) })
  })
  server.post<OfPatient>(at, keepsTyped(options), async (request, reply) => {
    const { patient } = await find(request)
    const shown = { patient, version: typed(request.body, 'version'), standing: typedStanding(request.body) }
    const problem = problemOfDeath(shown.standing, patient)
    if (problem !== undefined) return sendRecord(reply.code(422), { ...shown, problem })
    const { id } = request.params
    try {
      await patientChanges.settle(sessionOf(request).person, id, shown.version, shown.standing)
    } catch (error) {
      if (!isOvertaken(error)) throw error
      return sendRecord(reply.code(409), { ...shown, ...(await find(request)), isOvertaken: true })
    }
    return reply.redirect(`/patients/${id}${keepingBack(queryOf(request), { done: 'changed' })}`, 303)
  })
}

const typedStanding = (body: unknown): RecordStanding => ({
  isDeceased: typed(body, 'deceased') === 'yes',
  died: dateAsked(typed(body, 'died')),
  isInactive: typed(body, 'inactive') === 'yes',
})

type Shown = {
  readonly patient: Patient
  readonly version: string
  readonly standing: RecordStanding
  readonly problem?: string
  readonly isOvertaken?: boolean
}

const sendRecord = (
  reply: FastifyReply,
  { patient, version, standing, problem, isOvertaken: isLate = false }: Shown,
): FastifyReply => {
  const { isDeceased, died, isInactive } = standing
  const back = keepingBack(queryOf(reply.request))
  const name = nameText(patient.name?.[0]) || 'The patient'
  const whenDied = {
    name: 'died',
    label: 'When they died',
    hint: 'Optional: such as 31 January 2026, or the month or year alone',
    value: dateShown(died, wordsFor('en')),
    ...calendarOf(died, wordsFor('en')),
    problem,
    autocomplete: 'off',
    optional: true,
  } as const
  return sendStaffPage(reply, {
    title: 'State of a patient’s record',
    isProblem: isLate || problem !== undefined,
    content: html`<h1>Has ${name} died, or is this record not in use?</h1>
${isLate && html`${notice('problem', overtaken)}<p>The record now:</p>`}
${problemList([whenDied])}
${patientFacts(patient)}
<p>In either case nobody invites or reminds them any more, and messages that are waiting are not sent. Nothing else ends: what they share is read as before. Places in studies are ended on the pages of these.</p>
${postForm(
  { action: `/patients/${patient.id}/record${back}`, token: ownToken(reply), hidden: { version }, novalidate: true },
  html`${box({ type: 'checkbox', name: 'deceased', value: 'yes', label: 'The patient has died', isChosen: isDeceased })}
<div class="mt-3">${field(whenDied)}</div>
${box({
  type: 'checkbox',
  name: 'inactive',
  value: 'yes',
  label: 'This record is not in use',
  hint: 'They were registered twice, for example, or by mistake.',
  isChosen: isInactive,
})}
<button class="btn btn-primary mt-4">Save</button>`,
)}
<p class="mt-4"><a href="/patients/${patient.id}${back}">Back to the patient</a></p>`,
  })
}
