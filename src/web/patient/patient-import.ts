import type { FastifyReply, FastifyRequest } from 'fastify'
import { queryOf } from '../../http/fhir/presentation.ts'
import { isInForce } from '../../storage/account/session.ts'
import type { PatientImport, ShownLine } from '../../storage/organization/patient-import.ts'
import { patientListColumns } from '../../studies/patient/patient-list.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { FieldError } from '../page/field-error.ts'
import { notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { namedIn } from '../page/named-in.ts'
import { notFound } from '../page/not-found.ts'
import { itemBeforeIn } from '../page/page-number.ts'
import { type Progress, progressBar, streamProgress } from '../page/progress.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { moment } from '../page/time.ts'
import { typed } from '../page/typed.ts'
import { previewHeads, previewRow } from './import-preview.ts'
import { linesOfPage, lineTable } from './line-table.ts'
import { choicesIn, duplicateChoices, strangeLine } from './list-duplicates.ts'

type OfImport = { readonly Params: { readonly id: string } }

/** One list of patients: its progress, what is wrong in which line, who may be there already, and the button that registers them. */
export const patientImportPage: AddPage = (server, options) => {
  const { patientImports } = options
  const at = '/patients/imports/:id'
  const onRequest = requireSession
  const find = async (request: FastifyRequest<OfImport>): Promise<PatientImport> =>
    (await patientImports.find(sessionOf(request).person, request.params.id)) ?? notFound()
  server.get<OfImport>(at, { onRequest }, async (request, reply) =>
    sendList(reply, options, { found: await find(request), after: itemBeforeIn(queryOf(request)) }),
  )
  streamProgress<OfImport['Params']>(server, `${at}/progress`, {
    read: async request => progressOf(await find(request)),
    isSignedIn: ({ id }) => isInForce(options.accounts.database, id),
  })
  server.post<OfImport>(`${at}/confirm`, keepsTyped(options), async (request, reply) => {
    const { id, person } = await find(request)
    const { body } = request
    const next = namedIn(nextPages, typed(body, 'do') || 'register')
    if (next === undefined) throw new FieldError('do', Object.keys(nextPages))
    const decide = next === registered ? patientImports.confirm : patientImports.choose
    const decided = await decide(person, id, choicesIn(body))
    if (decided.kind === 'strange') throw strangeLine(decided.line)
    if (decided.kind === 'nobody')
      return sendList(reply.code(422), options, { found: await find(request), after: 0, problem: nobody })
    return reply.redirect(`/patients/imports/${id}${next(typed(body, 'after'))}`, 303)
  })
  server.post<OfImport>(`${at}/cancel`, { onRequest }, async (request, reply) => {
    const { id, person } = await find(request)
    const isForgotten = await patientImports.cancel(person, id)
    // Its page says what has become of it instead.
    return reply.redirect(isForgotten ? '/patients/imports?done=forgotten' : `/patients/imports/${id}`, 303)
  })
}

type ShownList = { readonly found: PatientImport; readonly after: number; readonly problem?: string }

const sendList = async (reply: FastifyReply, options: PageOptions, shown: ShownList): Promise<FastifyReply> => {
  const { found, after, problem = found.reason ?? undefined } = shown
  return sendStaffPage(reply, {
    title: 'A list of patients',
    isProblem: !isUnderWay(found) && (found.faulty > 0 || problem !== undefined),
    isRefreshed: isUnderWay(found),
    isWide: true,
    content: html`<h1>A list of patients</h1>
${await stateOf({ found, after, problem }, options, reply)}
<p class="mt-4"><a href="/patients/imports">Back to the lists</a></p>`,
  })
}

const registered = (): string => ''

/** What leads on from the choices of a page, by the button that was pressed. */
const nextPages: Readonly<Record<string, (after: string) => string>> = {
  register: registered,
  first: () => '',
  more: after => `?${new URLSearchParams({ after })}`,
}

const nobody =
  'With these choices nobody is registered, and nobody enrolled: choose something else for at least one of them, or forget the list'

const isUnderWay = ({ state }: PatientImport): boolean => state === 'checking' || state === 'importing'

const progressOf = (found: PatientImport): Progress => ({
  done: found.done,
  total: totalOf(found),
  isOver: !isUnderWay(found),
  ...(found.state === 'importing' && found.done === 0 && { first: lookingAgain }),
})

/** Of ten thousand it takes seconds. */
const lookingAgain = 'none yet, while it is checked once more for people who are registered already'

const totalOf = ({ state, total, toRegister }: PatientImport): number =>
  state === 'importing' ? (toRegister ?? total) : total

type Stated = Pick<ShownList, 'found' | 'after'> & { readonly problem: string | undefined }

const stateOf = async (stated: Stated, options: PageOptions, reply: FastifyReply): Promise<Html> => {
  const { found } = stated
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
      return found.faulty > 0 ? faulty(stated, options, reply) : sound(stated, options, reply)
  }
}

const imported = ({ imported: count, study, action }: PatientImport): Html => html`${notice(
  'done',
  html`<p>${registeredText(count ?? 0, study)}.</p>
${action !== null && html`<p>Those of the list who were registered already are enrolled one by one. <a href="/studies/${study ?? ''}/actions/${action}">See how far that is</a></p>`}`,
)}
${
  study === null
    ? html`<p>A study asks them for their data once they are enrolled into it and invited, on the page of the study.</p>
<p><a class="btn btn-primary" href="/patients">See the patients</a> <a class="btn btn-outline-primary" href="/studies">See the studies</a></p>`
    : html`<p><a class="btn btn-primary" href="/studies/${study}/invitations?invited=not-invited&state=none">Invite them</a></p>
<p><a href="/studies/${study}">Go to the study</a></p>`
}`

const registeredText = (count: number, study: string | null): string => {
  if (count === 0) return 'Nobody new is registered'
  const who = count === 1 ? '1 patient is' : `${count} patients are`
  return `${who} registered${study === null ? '' : ', and enrolled in the study'}`
}

const faulty = async ({ found, after }: Stated, options: PageOptions, reply: FastifyReply): Promise<Html> => {
  const lines = await options.patientImports.lines(found.id, { which: 'faulty', after, count: linesOfPage + 1 })
  return html`${notice(
    'problem',
    html`<p>${found.total === 1 ? 'The one line has an error' : `Of ${found.total} lines, ${found.faulty === 1 ? 'one has an error' : `${found.faulty} have errors`}`}. Nothing was registered: correct the file, and send it again.</p>`,
  )}
${lineTable(
  'What is wrong',
  ['Line', 'What is wrong'],
  lines
    .slice(0, linesOfPage)
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

const sound = async ({ found, after, problem }: Stated, options: PageOptions, reply: FastifyReply): Promise<Html> => {
  const { id, total, duplicates } = found
  const read = html`<p>${total === 1 ? 'The one line' : `All ${total} lines`} can be read.${duplicates === 0 && ' None of the patients seems to be registered already.'}</p>`
  return html`${problem === undefined ? notice('done', read) : html`${notice('problem', html`<p>${problem}.</p>`)}${read}`}
${postForm(
  { action: `/patients/imports/${id}/confirm`, token: ownToken(reply), isListed: true },
  html`${duplicates > 0 && (await duplicateChoices(found, options, after))}
${duplicates < total && (await preview(found, options))}
<p>The list waits for you until ${moment(found.waitsUntil)}. After that it is forgotten, and you send the file again.</p>
<button class="btn btn-primary" name="do" value="register">${registerText(found)}</button>`,
)}
${cancelForm(id, reply)}`
}

const registerText = ({ total, duplicates }: PatientImport): string => {
  if (duplicates > 0) return 'Register them'
  return total === 1 ? 'Register this patient' : `Register these ${total} patients`
}

/** A few lines: if their columns are right, those of the others are too. */
const preview = async ({ id, total, duplicates }: PatientImport, options: PageOptions): Promise<Html> => {
  const lines = await options.patientImports.lines(id, { which: 'sound', after: 0, count: previewSize })
  const others = total - duplicates
  return html`<h2>${others > lines.length ? `The first ${lines.length} of ${others} as they would be registered` : 'As they would be registered'}</h2>
${lineTable('As they would be registered', previewHeads, lines.map(previewRow))}`
}

const previewSize = 20

const moreLines = (id: string, lines: readonly ShownLine[]): Html | undefined => {
  const last = lines[linesOfPage - 1]
  return lines.length > linesOfPage && last !== undefined
    ? html`<p><a href="/patients/imports/${id}?after=${last.line}">More lines</a></p>`
    : undefined
}

const cancelForm = (id: string, reply: FastifyReply): Html =>
  postForm(
    { action: `/patients/imports/${id}/cancel`, token: ownToken(reply), class: 'mt-3' },
    html`<button class="btn btn-outline-primary">Forget this list</button>`,
  )
