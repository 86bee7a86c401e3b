import type { Patient } from '@medplum/fhirtypes'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { queryOf } from '../../http/fhir/presentation.ts'
import { isInForce } from '../../storage/account/session.ts'
import type { LineDuplicate, PatientImport, ShownLine } from '../../storage/organization/patient-import.ts'
import { patientListColumns } from '../../studies/patient/patient-list.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { radioField } from '../page/choice-field.ts'
import { notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { notFound } from '../page/not-found.ts'
import { itemBeforeIn } from '../page/page-number.ts'
import { type Progress, progressBar, streamProgress } from '../page/progress.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { moment } from '../page/time.ts'
import { typed } from '../page/typed.ts'
import { previewHeads, previewRow } from './import-preview.ts'
import { patientLine } from './patient-search.ts'

type OfImport = { readonly Params: { readonly id: string } }

/** One list of patients: its progress, what is wrong in which line, who may be there already, and the button that registers them. */
export const patientImportPage: AddPage = (server, options) => {
  const { patientImports } = options
  const at = '/patients/imports/:id'
  const onRequest = requireSession
  const find = async (request: FastifyRequest<OfImport>): Promise<PatientImport> =>
    (await patientImports.find(sessionOf(request).person, request.params.id)) ?? notFound()
  server.get<OfImport>(at, { onRequest }, async (request, reply) => {
    const found = await find(request)
    const after = itemBeforeIn(queryOf(request))
    return sendStaffPage(reply, {
      title: 'A list of patients',
      isProblem: !isUnderWay(found) && (found.faulty > 0 || found.reason !== null),
      isRefreshed: isUnderWay(found),
      isWide: true,
      content: html`<h1>A list of patients</h1>
${await stateOf(found, options, reply, after)}
<p class="mt-4"><a href="/patients/imports">Back to the lists</a></p>`,
    })
  })
  streamProgress<OfImport['Params']>(server, `${at}/progress`, {
    read: async request => progressOf(await find(request)),
    isSignedIn: ({ id }) => isInForce(options.accounts.database, id),
  })
  server.post<OfImport>(`${at}/confirm`, { onRequest }, async (request, reply) => {
    const { id, person } = await find(request)
    await patientImports.confirm(person, id, { keepsDuplicates: typed(request.body, 'duplicates') === 'register' })
    return reply.redirect(`/patients/imports/${id}`, 303)
  })
  server.post<OfImport>(`${at}/cancel`, { onRequest }, async (request, reply) => {
    const { id, person } = await find(request)
    const isForgotten = await patientImports.cancel(person, id)
    // Its page says what has become of it instead.
    return reply.redirect(isForgotten ? '/patients/imports?done=forgotten' : `/patients/imports/${id}`, 303)
  })
}

const isUnderWay = ({ state }: PatientImport): boolean => state === 'checking' || state === 'importing'

const progressOf = (found: PatientImport): Progress => ({
  done: found.done,
  total: totalOf(found),
  isOver: !isUnderWay(found),
  ...(found.state === 'importing' && found.done === 0 && { first: lookingAgain }),
})

/** Of ten thousand it takes seconds. */
const lookingAgain = 'none yet, while it is checked once more for people who are registered already'

const totalOf = ({ state, total, duplicates, keepsDuplicates }: PatientImport): number =>
  state === 'importing' && !keepsDuplicates ? total - duplicates : total

const stateOf = async (
  found: PatientImport,
  options: PageOptions,
  reply: FastifyReply,
  after: number,
): Promise<Html> => {
  const stream = `/patients/imports/${found.id}/progress`
  switch (found.state) {
    case 'checking':
      return progressBar(progressOf(found), { label: 'Lines checked', stream })
    case 'importing':
      return progressBar(progressOf(found), { label: 'Patients registered', stream })
    case 'imported':
      return imported(found)
    case 'failed':
      return notice('problem', html`<p>Nothing was registered. ${found.reason ?? ''}.</p>`)
    case 'checked':
      return found.faulty > 0 ? faulty(found, options, reply, after) : sound(found, options, reply, after)
  }
}

const imported = ({
  imported: count,
  study,
}: PatientImport): Html => html`${notice('done', html`<p>${count === 1 ? '1 patient is' : `${count ?? 0} patients are`} registered${study !== null && ', and enrolled in the study'}.</p>`)}
${
  study === null
    ? html`<p>A study asks them for their data once they are enrolled into it and invited, on the page of the study.</p>
<p><a class="btn btn-primary" href="/patients">See the patients</a> <a class="btn btn-outline-primary" href="/studies">See the studies</a></p>`
    : html`<p><a class="btn btn-primary" href="/studies/${study}/invitations?invited=not-invited">Invite them</a></p>
<p><a href="/studies/${study}">Go to the study</a></p>`
}`

const faulty = async (
  found: PatientImport,
  options: PageOptions,
  reply: FastifyReply,
  after: number,
): Promise<Html> => {
  const lines = await options.patientImports.lines(found.id, { which: 'faulty', after, count: pageSize + 1 })
  return html`${notice(
    'problem',
    html`<p>${found.total === 1 ? 'The one line has an error' : `Of ${found.total} lines, ${found.faulty === 1 ? 'one has an error' : `${found.faulty} have errors`}`}. Nothing was registered: correct the file, and send it again.</p>`,
  )}
${tableOf(
  'What is wrong',
  ['Line', 'What is wrong'],
  lines
    .slice(0, pageSize)
    .map(({ line, problems }) => [String(line), html`<ul class="mb-0">${problemLines(problems ?? {})}</ul>`]),
)}
${moreLines(found.id, lines)}
<p><a class="btn btn-primary" href="/patients/imports${found.study !== null && `?study=${found.study}`}">Send the corrected file</a></p>
${cancelForm(found.id, reply)}`
}

/** What is wrong with the whole line, or in each column, as the file names it. */
const problemLines = (problems: Readonly<Record<string, string>>): readonly Html[] =>
  [['', 'line'] as const, ...patientListColumns].flatMap(([column, name]) =>
    problems[name] === undefined ? [] : html`<li>${column && html`<strong>${column}</strong>: `}${problems[name]}</li>`,
  )

const sound = async (found: PatientImport, options: PageOptions, reply: FastifyReply, after: number): Promise<Html> => {
  const { id, total, duplicates } = found
  const read = html`<p>${total === 1 ? 'The one line' : `All ${total} lines`} can be read.${duplicates === 0 && ' None of the patients seems to be registered already.'}</p>`
  const lines = await options.patientImports.lines(id, { which: 'duplicate', after, count: pageSize + 1 })
  return html`${found.reason !== null && notice('problem', html`<p>${found.reason}.</p>`)}
${found.reason === null ? notice('done', read) : read}
${duplicates > 0 && (await duplicateTable(found, options, lines))}
${duplicates < total && (await preview(found, options))}
<p>The list waits for you until ${moment(found.waitsUntil)}. After that it is forgotten, and you send the file again.</p>
${postForm(
  { action: `/patients/imports/${id}/confirm`, token: ownToken(reply) },
  html`${duplicates > 0 && duplicates === total && html`<input type="hidden" name="duplicates" value="register">`}
${
  duplicates > 0 &&
  duplicates < total &&
  radioField({
    name: 'duplicates',
    label: 'What to do with those who may be registered already',
    value: 'leave-out',
    choices: [
      {
        value: 'leave-out',
        label: `Leave them out, and register the other ${total - duplicates === 1 ? 'patient' : `${total - duplicates} patients`}`,
      },
      { value: 'register', label: `Register all ${total} anyway` },
    ],
  })
}
<button class="btn btn-primary">${registerText(found)}</button>`,
)}
${cancelForm(id, reply)}`
}

const registerText = ({ total, duplicates }: PatientImport): string => {
  if (duplicates > 0 && duplicates < total) return 'Register them'
  const all = total === 1 ? 'this patient' : `these ${total} patients`
  return `Register ${all}${duplicates > 0 ? ' anyway' : ''}`
}

/** A few lines: if their columns are right, those of the others are too. */
const preview = async ({ id, total, duplicates }: PatientImport, options: PageOptions): Promise<Html> => {
  const lines = await options.patientImports.lines(id, { which: 'sound', after: 0, count: previewSize })
  const others = total - duplicates
  return html`<h2>${others > lines.length ? `The first ${lines.length} of ${others} as they would be registered` : 'As they would be registered'}</h2>
${tableOf('As they would be registered', previewHeads, lines.map(previewRow))}`
}

const previewSize = 20

const duplicateTable = async (
  { id, person, duplicates }: PatientImport,
  options: PageOptions,
  lines: readonly ShownLine[],
): Promise<Html> => {
  const shown = lines.slice(0, pageSize)
  const ids = shown.flatMap(line => (line.duplicates ?? []).flatMap(one => ('patient' in one ? one.patient : [])))
  const known = await options.patientImports.patients(person, [...new Set(ids)])
  return html`<h2>${duplicates === 1 ? 'One patient' : `${duplicates} patients`} may be registered already</h2>
${tableOf(
  'Who may be registered already',
  ['Line', 'Patient', 'May be the same as'],
  shown.map(line => [
    String(line.line),
    line.patient === null ? '' : patientLine(line.patient),
    html`<ul class="mb-0">${(line.duplicates ?? []).map(one => html`<li>${duplicateText(one, known)}</li>`)}</ul>`,
  ]),
)}
${moreLines(id, lines)}`
}

/** Somebody whom the reader may no longer see has no name here either. */
const duplicateText = (one: LineDuplicate, known: ReadonlyMap<string, Patient>): Html => {
  if ('line' in one) return html`the patient of line ${one.line}`
  const patient = known.get(one.patient)
  return patient === undefined
    ? html`a patient whom you saw before`
    : html`<a href="/patients/${one.patient}">${patientLine(patient)}</a>`
}

const pageSize = 50

const moreLines = (id: string, lines: readonly ShownLine[]): Html | undefined => {
  const last = lines[pageSize - 1]
  return lines.length > pageSize && last !== undefined
    ? html`<p><a href="/patients/imports/${id}?after=${last.line}">More lines</a></p>`
    : undefined
}

/** It can be scrolled within the page, also with the keyboard. */
const tableOf = (
  label: string,
  heads: readonly string[],
  rows: readonly (readonly (Html | string)[])[],
): Html => html`<div class="table-responsive" tabindex="0" role="region" aria-label="${label}">
<table class="table align-middle">
<thead><tr>${heads.map(head => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows.map(([first, ...rest]) => html`<tr><th scope="row">${first}</th>${rest.map(cell => html`<td>${cell}</td>`)}</tr>`)}</tbody>
</table>
</div>`

const cancelForm = (id: string, reply: FastifyReply): Html =>
  postForm(
    { action: `/patients/imports/${id}/cancel`, token: ownToken(reply), class: 'mt-3' },
    html`<button class="btn btn-outline-primary">Forget this list</button>`,
  )
