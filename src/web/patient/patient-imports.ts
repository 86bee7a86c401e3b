import type { FastifyReply } from 'fastify'
import { queryOf } from '../../http/fhir/presentation.ts'
import { languageCodes } from '../../messages/catalogue.ts'
import type { PatientImport } from '../../storage/organization/patient-import.ts'
import { mostLines, patientListTemplate } from '../../studies/patient/patient-list.ts'
import type { AddPage } from '../page/add-page.ts'
import { fileField, notice, postForm, problemList } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { sentFile, takeFile } from '../page/sent-file.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { staffCallerOf } from '../page/staff-caller.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { moment } from '../page/time.ts'
import { typed } from '../page/typed.ts'
import {
  enrollingId,
  isEnrolmentRefused,
  nobodyEnrolled,
  organizationField,
  type Place,
  placeOf,
} from './registering-place.ts'

/** Where lists of patients are uploaded as files, and what became of those that somebody has uploaded. */
export const patientImportsPage: AddPage = (server, options) => {
  const { patientImports } = options
  const onRequest = requireSession
  server.get('/patients/imports', { onRequest }, async (request, reply) => {
    const place = await placeOf(request, options, { study: queryOf(request).get('study') ?? '', organization: '' })
    const imports = await patientImports.list(sessionOf(request).person)
    return sendUpload(reply, { place, imports, isForgotten: queryOf(request).get('done') === 'forgotten' })
  })
  server.get('/patients/imports/template.csv', { onRequest }, async (request, reply) => {
    await staffCallerOf(request, options)
    return reply
      .type('text/csv; charset=utf-8')
      .header('content-disposition', 'attachment; filename="patients.csv"')
      .send(`\uFEFF${patientListTemplate}`)
  })
  void server.register(async within => {
    // Files are accepted nowhere else, except for scans.
    await takeFile(within, { mostBytes, mostFields: 10 })
    within.post('/patients/imports', keepsTyped(options), async (request, reply) => {
      const { body } = request
      const { person } = sessionOf(request)
      const chosen = { study: typed(body, 'study'), organization: typed(body, 'organization') }
      const place = await placeOf(request, options, chosen)
      const refuse = async (status: 413 | 422, problem: string) =>
        sendUpload(reply.code(status), { place, imports: await patientImports.list(person), problem })
      if (isEnrolmentRefused(reply, place))
        return sendUpload(reply.code(409), { place, imports: await patientImports.list(person) })
      const file = sentFile(body, 'file')
      if (file.kind === 'too-large')
        return refuse(413, `The file is larger than ${mostBytes / 1_000_000} MB: send it in parts`)
      if (file.kind === 'none') return refuse(422, 'Choose a file')
      const into = { organization: place.organization, study: place.study?.id }
      const uploaded = await patientImports.upload(person, into, file.bytes, {
        languages: languageCodes,
        phoneCountry: options.phoneCountry,
      })
      if (uploaded.kind === 'unreadable') return refuse(422, uploaded.why)
      return reply.redirect(`/patients/imports/${uploaded.id}`, 303)
    })
  })
}

const mostBytes = 10_000_000

type Shown = {
  readonly place: Place
  readonly imports: readonly PatientImport[]
  readonly problem?: string
  /** Whether a list was forgotten by what led here. */
  readonly isForgotten?: boolean
}

const sendUpload = (reply: FastifyReply, { place, imports, problem, isForgotten = false }: Shown): FastifyReply => {
  const { study } = place
  const isRefused = isEnrolmentRefused(reply, place)
  return sendStaffPage(reply, {
    title: 'Register a list of patients',
    isProblem: problem !== undefined || isRefused,
    content: html`<h1>Register a list of patients</h1>
${isForgotten && notice('done', html`<p>The list is forgotten.</p>`)}
${problemList([{ name: 'file', problem }])}
<p>Send a CSV file with one patient per line. Before anything is registered, you see what is in it and who may be registered already; then all of it is registered, or nothing.</p>
<p><a href="/patients/imports/template.csv">Download a template</a></p>
${study && (nobodyEnrolled(place, { isRefused, instead: `${isRefused ? 'If you send the file again, its' : 'The'} patients are registered without being enrolled.` }) ?? html`<p>All of them are enrolled in ${study.name}.</p>`)}
${postForm(
  {
    action: '/patients/imports',
    token: ownToken(reply),
    hidden: { study: enrollingId(place) },
    hasFile: true,
    novalidate: true,
  },
  html`${organizationField(place, 'the records')}
${fileField({
  name: 'file',
  label: 'File',
  hint: `In UTF-8, with commas, semicolons or tabs, of at most ${mostLines} lines. A spreadsheet program may change dates and drop leading zeros and the + of numbers: make these columns text before you fill them in.`,
  problem,
  accept: '.csv,text/csv',
})}
<button class="btn btn-primary">Check the file</button>`,
)}
${imports.length > 0 && html`<h2 class="mt-4">Lists that you have sent</h2>${listed(imports)}`}
<p class="mt-4">${study === undefined ? html`<a href="/patients">Back to the patients</a>` : html`<a href="/studies/${study.id}">Back to the study</a>`}</p>`,
  })
}

const listed = (imports: readonly PatientImport[]): Html =>
  html`<ul class="list-group list-group-flush">${imports.map(
    one =>
      html`<li class="list-group-item px-0"><a href="/patients/imports/${one.id}">${one.total === 1 ? 'One patient' : `${one.total} patients`}, sent ${moment(one.madeAt)}</a> <span class="text-body-secondary">${one.state === 'checked' && one.faulty > 0 ? 'has errors' : states[one.state]}</span></li>`,
  )}</ul>`

const states: Readonly<Record<PatientImport['state'], string>> = {
  checking: 'is being checked',
  checked: 'waits for you',
  importing: 'is being registered',
  imported: 'is registered',
  failed: 'could not be registered',
}
