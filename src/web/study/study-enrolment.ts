import type { Patient, ResearchSubject } from '@medplum/fhirtypes'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../../access/caller.ts'
import { namedId } from '../../fhir/reference.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { openCursors } from '../../interactions/search/cursor.ts'
import { findAllPatients, patientPageSize } from '../../studies/patient/finding-patients.ts'
import type { EnrollingStudy } from '../../studies/patient/registering.ts'
import { heldPlaces } from '../../studies/people/held-places.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { FieldError } from '../page/field-error.ts'
import { box, notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { orderIn, orderQuery } from '../page/list-order.ts'
import { listLinks, listPlaceIn } from '../page/list-place.ts'
import { namedIn } from '../page/named-in.ts'
import { notFound } from '../page/not-found.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { staffCallerOf } from '../page/staff-caller.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { ticked, typed } from '../page/typed.ts'
import {
  canBeRead,
  findAsked,
  isNarrowed,
  patientLine,
  patientOrders,
  patientSearchForm,
  queryOfAsked,
} from '../patient/patient-search.ts'
import type { OfStudy } from '../study-settings/study-changing.ts'
import { askedAgain, enrolmentAskedIn, listAgain, outsideBox, wantedBy } from './enrolment-asked.ts'
import { goneNotice, startOnMany, whoField } from './many-asked.ts'
import { nobodyInvited } from './study-invitation.ts'
import { wayField } from './way-field.ts'

/** Enrols patients whom the person may see into a study: those that are ticked, or all that are found. */
export const studyEnrolmentPage: AddPage = (server, options) => {
  const cursorsFor = openCursors(options.accounts.secretKey)
  const at = '/studies/:id/enrolment'
  server.get<OfStudy>(at, { onRequest: requireSession }, async (request, reply) => {
    const study = await studyFor(request, options)
    return study.closedBecause === undefined ? sendList(request, reply, study) : sendClosed(reply, study)
  })
  const sendList = async (request: FastifyRequest<OfStudy>, reply: FastifyReply, study: EnrollingStudy) => {
    const caller = await staffCallerOf(request, options)
    const query = queryOf(request)
    const asked = enrolmentAskedIn(query)
    const order = orderIn(query, patientOrders)
    const path = `/studies/${study.id}/enrolment`
    const cursors = cursorsFor(caller)
    const place = listPlaceIn(query, cursors, path)
    const found = { order: order.by, cursor: place.cursor }
    const { patients, next } = await findAsked(options, caller, wantedBy(asked, study), found)
    const again = queryOfAsked(asked, order)
    const nextPage = next && cursors.seal({ path, query: again, page: next })
    const enrolled = await enrolledOf(options, caller, study, patients)
    const isUnticked = query.get('none') === 'ticked'
    const gone = goneNotice(query)
    const registers = (await options.registering.organizations(sessionOf(request).person)).length > 0
    return sendStaffPage(reply, {
      title: place.titled(`Enrol patients: ${study.name}`),
      isWide: true,
      isProblem: isUnticked || gone !== undefined || !canBeRead(asked, options) || order.problem !== undefined,
      content: html`<h1>Enrol patients in ${study.name}</h1>
${isUnticked && notice('problem', html`<p>Nobody was ticked, so nothing was done. Tick patients, or choose everybody who was found.</p>`)}
${gone}
${study.notAsking !== undefined && nobodyInvited(study.notAsking)}
${registers && registerLinks(study)}
${patientSearchForm(options, path, asked, order, outsideBox(asked))}
${place.note}
${patients.length === 0 ? canBeRead(asked, options) && html`<p class="mt-4">${nobodyText(isNarrowed(asked), registers)}</p>` : enrolForm({ path, isAsking: study.notAsking === undefined, hidden: { ...asked, ...orderQuery(order), page: place.isFirst ? undefined : (query.get('page') ?? undefined) }, patients, enrolled, chosen: query.getAll('patient'), options, token: ownToken(reply) })}
${listLinks(path, again, { nextPage, isFirst: place.isFirst, more: 'More patients' })}
<p><a href="/studies/${study.id}">Back to the study</a></p>`,
    })
  }
  server.post<OfStudy>(at, keepsTyped(options), async (request, reply) => {
    const study = await studyFor(request, options)
    if (study.closedBecause !== undefined) return sendClosed(reply.code(409), study)
    const { body } = request
    const what = namedIn(acts, typed(body, 'do'))
    if (what === undefined) throw new FieldError('do', Object.keys(acts))
    return startOnMany(request, reply, options, {
      what,
      study,
      page: `/studies/${study.id}/enrolment`,
      again: listAgain(body),
      pageSize: patientPageSize,
      name: 'patient',
      targets: await chosenIn(request, options, study),
    })
  })
}

const acts = { enrol: 'enrol', invite: 'enrol-and-invite' } as const

/** In answer to a form, nothing of it has been done. */
const sendClosed = (reply: FastifyReply, { id, name, closedBecause }: EnrollingStudy): FastifyReply => {
  const isRefused = reply.request.method === 'POST'
  return sendStaffPage(reply, {
    title: `Enrol patients: ${name}`,
    isProblem: isRefused,
    content: html`<h1>Enrol patients in ${name}</h1>
${notice(isRefused ? 'problem' : 'standing', html`<p>Nobody can be enrolled now: ${closedBecause}.${isRefused && ' Nothing was done.'}</p>`)}
<p><a href="/studies/${id}">Back to the study</a></p>`,
  })
}

const registerLinks = ({ id }: EnrollingStudy): Html => html`<div class="d-flex flex-wrap gap-2 mb-4">
<a class="btn btn-outline-primary" href="/patients/new?study=${id}">Register a new patient</a>
<a class="btn btn-outline-primary" href="/patients/imports?study=${id}">Register a list of patients</a>
</div>`

const nobodyText = (isAsked: boolean, registers: boolean): string => {
  if (isAsked) return 'Nobody that you can see matches that.'
  return registers
    ? 'You see no patients yet: register the first, or a list.'
    : 'There is nobody that you can see. Members of an organization see the patients it has registered.'
}

/** Throws `not-found` for anybody who may not enrol into it. */
const studyFor = async (request: FastifyRequest<OfStudy>, options: PageOptions): Promise<EnrollingStudy> =>
  (await options.registering.findStudy(sessionOf(request).person, request.params.id)) ?? notFound()

/** Nobody can enrol people whom they may not see. */
const chosenIn = async (
  request: FastifyRequest<OfStudy>,
  options: PageOptions,
  study: EnrollingStudy,
): Promise<readonly string[]> => {
  const { body } = request
  const caller = await staffCallerOf(request, options)
  if (typed(body, 'who') !== 'all') {
    const known = await options.patientImports.patients(sessionOf(request).person, ticked(body, 'patient'))
    return [...known.keys()]
  }
  const asked = askedAgain(body)
  return canBeRead(asked, options) ? findAllPatients(options, caller, wantedBy(asked, study)) : []
}

/** The ids of those who are already in the study. */
const enrolledOf = async (
  { registry, openStoreFor }: PageOptions,
  caller: Caller,
  { id }: EnrollingStudy,
  patients: readonly Patient[],
): Promise<ReadonlySet<string>> => {
  if (patients.length === 0) return new Set()
  const individual = patients.map(patient => `Patient/${patient.id}`).join(',')
  const query = { study: `ResearchStudy/${id}`, individual, _count: '100' }
  const { entries } = await openStoreFor(caller).search(heldPlaces(registry, query))
  const subjects = entries.map(({ content }): ResearchSubject => JSON.parse(content))
  return new Set(subjects.map(one => namedId(one.individual, 'Patient') ?? ''))
}

type Shown = {
  readonly path: string
  /** What the list was asked for, and which page of it this is. */
  readonly hidden: Readonly<Record<string, string | undefined>>
  readonly patients: readonly Patient[]
  readonly enrolled: ReadonlySet<string>
  /** The ids of those who are ticked already. */
  readonly chosen: readonly string[]
  readonly options: PageOptions
  readonly token: string
  /** Whether the study invites anybody now. */
  readonly isAsking: boolean
}

const enrolForm = ({ path, hidden, patients, enrolled, chosen, options, token, isAsking }: Shown): Html => {
  const isInviting = isAsking && options.invitations.ways.length > 0
  return postForm(
    { action: path, token, isListed: true, hidden, class: 'mt-4' },
    html`<fieldset>
<legend class="visually-hidden">Patients who are listed</legend>
<ul class="list-group list-group-flush mb-4">${patients.map(
      patient =>
        html`<li class="list-group-item px-0">${
          enrolled.has(patient.id ?? '')
            ? html`${patientLine(patient)} <span class="badge text-bg-secondary">Is in the study</span>`
            : box({
                type: 'checkbox',
                name: 'patient',
                value: patient.id ?? '',
                label: patientLine(patient),
                isChosen: chosen.includes(patient.id ?? ''),
              })
        }</li>`,
    )}</ul>
</fieldset>
<div class="narrow">
${whoField('All who are found, on all pages')}
${isAsking && wayField(options.invitations.ways)}
<p id="acts">${isInviting ? 'To enrol alone writes to nobody: you invite them later, on the page of the study. To enrol and invite sends each of them an invitation at once.' : 'It writes to nobody.'}</p>
<div class="d-flex flex-wrap gap-2 mb-4">
<button class="btn btn-primary" name="do" value="enrol" aria-describedby="acts">Enrol</button>
${isInviting && html`<button class="btn btn-outline-primary" name="do" value="invite" aria-describedby="acts">Enrol and invite</button>`}
</div>
</div>`,
  )
}
