import type { Patient } from '@medplum/fhirtypes'
import { mobileText } from '../../storage/model/mobile-number.ts'
import type { ShownLine } from '../../storage/organization/patient-import.ts'

export const previewHeads = [
  'Line',
  'Family name',
  'Given names',
  'Birth date',
  'Identifiers',
  'E-mail address',
  'Mobile number',
  'Gender',
  'Language',
] as const

/** How a line of a list was understood, column by column, so that names in the wrong column are noticed. */
export const previewRow = ({ line, patient }: ShownLine): readonly string[] => [
  String(line),
  ...(patient === null ? [] : cellsOf(patient)),
]

const cellsOf = (patient: Patient) => {
  const { name: [name = {}] = [], birthDate, gender, identifier = [], telecom = [], communication = [] } = patient
  const reached = (by: 'email' | 'phone') => telecom.find(({ system }) => system === by)?.value
  const language = communication[0]?.language.coding?.[0]?.code
  const identifiers = identifier.map(({ system, value }) => (system === undefined ? value : `${system}|${value}`))
  return [
    name.family,
    name.given?.join(' '),
    birthDate,
    identifiers.join(' ; '),
    reached('email'),
    mobileText(reached('phone') ?? ''),
    gender,
    language,
  ].map(cell => cell ?? '')
}
