import type { Patient } from '@medplum/fhirtypes'
import type { Choices, ChosenLine, LineChoice } from '../../storage/organization/chosen-lines.ts'
import type { LineDuplicate, PatientImport, ShownLine } from '../../storage/organization/patient-import.ts'
import type { PageOptions } from '../page/add-page.ts'
import { radioField } from '../page/choice-field.ts'
import { FieldError } from '../page/field-error.ts'
import { hiddenField } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { typed } from '../page/typed.ts'
import { linesOfPage, lineTable } from './line-table.ts'
import { patientLine, patientText } from './patient-search.ts'

/** A page of those lines of a list that may be registered already, with what is to become of all of them, and of each. */
export const duplicateChoices = async (
  list: PatientImport,
  { patientImports }: PageOptions,
  after: number,
): Promise<Html> => {
  const { id, person, total, duplicates } = list
  const lines = await patientImports.lines(id, { which: 'duplicate', after, count: linesOfPage + 1 })
  const shown = lines.slice(0, linesOfPage)
  const ids = shown.flatMap(line => (line.duplicates ?? []).flatMap(one => ('patient' in one ? one.patient : [])))
  const known = await patientImports.patients(person, [...new Set(ids)])
  const others = total - duplicates
  return html`${hiddenField('shown', String(duplicates))}
<h2>${duplicates === 1 ? 'One patient' : `${duplicates} patients`} may be registered already</h2>
${radioField({
  name: 'duplicates',
  label: 'What to do with those who may be registered already',
  hint: 'Unless you choose something else for one of them.',
  value: list.keepsDuplicates ? 'register' : 'leave-out',
  choices: [
    {
      value: 'leave-out',
      label: `Leave them out${others === 0 ? '' : `, and register the other ${others === 1 ? 'patient' : `${others} patients`}`}`,
    },
    { value: 'register', label: total === 1 ? 'Register them anyway' : `Register all ${total} anyway` },
  ],
})}
${lineTable(
  'Who may be registered already',
  ['Line', 'Patient', 'May be the same as'],
  shown.map(line => [
    String(line.line),
    html`<div class="text-break">${line.patient !== null && patientLine(line.patient)}${line.duplicates?.some(({ isNew }) => isNew) && html` <span class="badge text-bg-secondary">New</span>`}</div>`,
    html`<ul class="text-break">${(line.duplicates ?? []).map(one => html`<li>${duplicateText(one, known)}</li>`)}</ul>
${choiceField(line, known, list)}`,
  ]),
)}
${pageButtons(lines, after)}`
}

/** Somebody whom the reader may no longer see has no name here either. */
const duplicateText = (one: LineDuplicate, known: ReadonlyMap<string, Patient>): Html => {
  if ('line' in one) return html`the patient of line ${one.line}`
  const patient = known.get(one.patient)
  return patient === undefined
    ? html`a patient whom you saw before`
    : html`<a href="/patients/${one.patient}">${patientLine(patient)}</a>`
}

const choiceField = (
  { line, patient, duplicates, choice }: ShownLine,
  known: ReadonlyMap<string, Patient>,
  { study }: PatientImport,
): Html => {
  const meant = (duplicates ?? []).flatMap(one => ('patient' in one ? (known.get(one.patient) ?? []) : []))
  const choices = [
    { value: '', label: 'As for all' },
    { value: 'leave-out', label: 'Leave out' },
    { value: 'register', label: 'Register as a new patient' },
    ...(study === null
      ? []
      : meant.map(one => ({
          value: `${enrols}${one.id}`,
          label: `Enrol the one who is registered: ${patientText(one)}`,
        }))),
  ]
  const chosen = fieldValue(choice)
  const label = `What to do with line ${line}${patient === null ? '' : `, ${patientText(patient)}`}`
  return html`<select class="form-select" name="${named}${line}" aria-label="${label}">${choices.map(
    one => html`<option value="${one.value}"${one.value === chosen && html` selected`}>${one.label}</option>`,
  )}</select>`
}

const named = 'line-'
const enrols = 'enrol-'

const fieldValue = (choice: LineChoice | null): string =>
  choice?.kind === 'enrol' ? `${enrols}${choice.patient}` : (choice?.kind ?? '')

/** Buttons and not links, so that what is chosen on this page is kept. */
const pageButtons = (lines: readonly ShownLine[], after: number): Html => {
  const last = lines.length > linesOfPage ? lines[linesOfPage - 1] : undefined
  return html`${after > 0 && html`<p><button class="btn btn-outline-primary" name="do" value="first">Keep these choices, and go to the first lines</button></p>`}
${
  last &&
  html`${hiddenField('after', String(last.line))}
<p><button class="btn btn-outline-primary" name="do" value="more">Keep these choices, and show more lines</button></p>`
}`
}

/** What was chosen on such a page. Throws FieldError for what it does not offer. */
export const choicesIn = (body: unknown): Choices => ({
  shown: Number(/^\d{1,9}$/.exec(typed(body, 'shown'))?.[0] ?? 0),
  keepsDuplicates: typed(body, 'duplicates') === 'register',
  chosen: Object.keys(body ?? {}).flatMap(name => chosenIn(body, name)),
})

const chosenIn = (body: unknown, name: string): readonly ChosenLine[] => {
  const line = /^line-(\d{1,9})$/.exec(name)?.[1]
  return line === undefined ? [] : [{ line: Number(line), choice: choiceIn(typed(body, name), name) }]
}

const choiceIn = (value: string, name: string): LineChoice | undefined => {
  if (value === '') return undefined
  if (value === 'leave-out' || value === 'register') return { kind: value }
  if (!value.startsWith(enrols)) throw strangeChoice(name)
  return { kind: 'enrol', patient: value.slice(enrols.length) }
}

/** Also for a Patient who is none of those that the line may be the same as. */
const strangeChoice = (name: string): FieldError => new FieldError(name, ['leave-out', 'register', 'enrol-ID'])

export const strangeLine = (line: number): FieldError => strangeChoice(`${named}${line}`)
