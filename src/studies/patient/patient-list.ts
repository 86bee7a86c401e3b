import { CsvError, parse } from 'csv-parse/sync'
import { beginning } from '../../fhir/beginning.ts'
import { mobileText } from '../../storage/model/mobile-number.ts'
import type { ImportLine } from '../../storage/organization/patient-import.ts'
import {
  type Accepted,
  type PatientFieldName,
  type PatientFields,
  type PatientProblems,
  patientFieldNames,
  readPatientFields,
} from './patient-fields.ts'

type ReadList =
  | { readonly kind: 'read'; readonly lines: readonly ImportLine[] }
  /** It cannot be read at all; `why` is for people. */
  | { readonly kind: 'unreadable'; readonly why: string }

/** The names of the columns, in the order in which they are asked for, and the fields that they hold. */
export const patientListColumns: ReadonlyMap<string, PatientFieldName> = new Map([
  ['family', 'family'],
  ['given', 'given'],
  ['birth_date', 'birthDate'],
  ['identifiers', 'identifiers'],
  ['email', 'email'],
  ['mobile', 'mobile'],
  ['gender', 'gender'],
  ['language', 'language'],
])

const columnNames = [...patientListColumns.keys()]
const needed = ['family', 'birth_date']

/** A list to start from: two patients, in the form that Excel and others read and write. https://www.rfc-editor.org/rfc/rfc4180 */
export const patientListTemplate = [
  columnNames.join(','),
  'Ruiz,María José,1970-05-31,urn:oid:1.2.3|4711 ; A-1,maria@example.org,+15005550006,female,es',
  'Miller,Ann,1985-02-28,A-2,ann@example.org,,,en',
  '',
].join('\r\n')

export const mostLines = 20_000

const whatStands = `its first line names the columns (${columnNames.join(', ')}), and each line after it is a patient`

/** Reads UTF-8, or UTF-16 with a byte order mark, with commas, semicolons or tabs, and with line breaks within quotes. Each line is a Patient, or what is wrong with it. */
export const readPatientList = (file: Uint8Array, accepted: Accepted): ReadList => {
  if (isArchive(file))
    return unreadable(
      'This is a spreadsheet, such as .xlsx, and no CSV file: save it as “CSV UTF-8” in your spreadsheet program',
    )
  const text = textOf(file)
  if (text === undefined)
    return unreadable('The file is not in UTF-8: save it as “CSV UTF-8”, which spreadsheets offer beside CSV')
  let lastRead = 0
  try {
    const [header, ...records] = recordsOf(text, line => {
      lastRead = line
    })
    if (header === undefined) return unreadable(`The file is empty: ${whatStands}`)
    if (records.length === 0) return unreadable(`The file has no patients: ${whatStands}`)
    if (records.length > mostLines) return unreadable(`The file has more than ${mostLines} patients: send it in parts`)
    const names = withoutEmptyEnd(header.values).map(name => name.toLowerCase())
    const problem = problemOfColumns(names)
    return problem === undefined
      ? { kind: 'read', lines: records.map(record => toLine(names, record, accepted)) }
      : unreadable(problem)
  } catch (error) {
    if (error instanceof CsvError) return unreadable(syntaxProblem(error, lastRead))
    throw error
  }
}

const unreadable = (why: string): ReadList => ({ kind: 'unreadable', why })

/** A spreadsheet is a ZIP archive, or with older programs a file that begins like a Word document of that time. */
const isArchive = (file: Uint8Array): boolean =>
  archives.some(signature => signature.every((byte, index) => file[index] === byte))

const archives = [
  [0x50, 0x4b, 0x03, 0x04],
  [0xd0, 0xcf, 0x11, 0xe0],
] as const

const textOf = (file: Uint8Array): string | undefined => {
  try {
    const text = new TextDecoder(encodingOf(file), { fatal: true }).decode(file)
    return text.includes('\0') ? undefined : text.replace(/\r\n?/g, '\n')
  } catch {
    return undefined
  }
}

/** Spreadsheets call UTF-16 with tabs “Unicode Text”. */
const encodingOf = ([first, second]: Uint8Array): string => {
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8'
}

type CsvRecord = { readonly values: readonly string[]; readonly line: number }

/** `onRead` is told the last line of each record. */
const recordsOf = (text: string, onRead: (line: number) => void): readonly CsvRecord[] => {
  const told = toldDelimiter.exec(text)?.[1]
  const options = {
    delimiter: told ?? delimiterOf(text),
    from_line: told === undefined ? 1 : 2,
    trim: true,
    skip_empty_lines: true,
    relax_column_count: true,
    info: true,
    on_record: <T>(record: T, { lines }: { readonly lines: number }): T => {
      onRead(lines)
      return record
    },
  }
  const parsed = parse(text, options) as unknown as readonly {
    readonly record: readonly string[]
    readonly info: { readonly lines: number }
  }[]
  return parsed
    .map(({ record, info }) => ({ values: record, line: info.lines - breaksIn(record) }))
    .filter(({ values }) => values.some(value => value !== ''))
}

/** A first line by which Excel is told how to read the rest, and which it then does not show. */
const toldDelimiter = /^sep=([,;\t])\n/i

/** Whichever is the most frequent in the line that names the columns. */
const delimiterOf = (text: string): string => {
  const [first = ''] = text.trimStart().split('\n', 1)
  const count = (delimiter: string) => first.split(delimiter).length
  return [',', ';', '\t'].reduce((most, one) => (count(one) > count(most) ? one : most))
}

const breaksIn = (values: readonly string[]): number => values.join('').split('\n').length - 1

const problemOfColumns = (names: readonly string[]): string | undefined => {
  const known = `the columns are ${columnNames.join(', ')}`
  const strange = names.filter(name => !patientListColumns.has(name))
  if (strange.length > 0)
    return `The first line names columns that are unknown (${strange.map(quoted).join(', ')}): ${known}`
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) return `The column ${quoted(twice)} is there twice`
  const missing = needed.filter(name => !names.includes(name))
  return missing.length === 0 ? undefined : `The column ${missing.map(quoted).join(' and ')} is missing: ${known}`
}

const quoted = (name: string): string => `“${beginning(name, 50)}”`

/** Spreadsheets also save columns at the end that have become empty. */
const withoutEmptyEnd = (values: readonly string[]): readonly string[] =>
  values.slice(0, values.findLastIndex(value => value !== '') + 1)

const toLine = (names: readonly string[], record: CsvRecord, accepted: Accepted): ImportLine => {
  const { line } = record
  const values = withoutEmptyEnd(record.values)
  if (values.length > names.length)
    return { line, problems: { line: `There are ${values.length} values, and ${names.length} columns` } }
  const fields = Object.fromEntries(patientFieldNames.map(name => [name, ''])) as Record<PatientFieldName, string>
  for (const [index, name] of names.entries()) {
    const field = patientListColumns.get(name)
    if (field !== undefined) fields[field] = values[index] ?? ''
  }
  fields.mobile = mobileText(fields.mobile, accepted.phoneCountry)
  const read = readPatientFields(fields as PatientFields, accepted)
  return read.kind === 'read' ? { line, patient: read.patient } : { line, problems: quotedIn(fields, read.problems) }
}

/** Names what is there: a spreadsheet may show it differently. */
const quotedIn = (fields: PatientFields, problems: PatientProblems): Record<string, string> =>
  Object.fromEntries(
    Object.entries(problems).map(([name, problem]) => {
      const value = fields[name as PatientFieldName].trim()
      return [name, value === '' ? problem : `${quoted(value)}. ${problem}`]
    }),
  )

/** That a quotation mark is never closed is found only at the end, so the line after the last record that could be read is named. */
const syntaxProblem = ({ code, lines }: CsvError, lastRead: number): string => {
  if (code === 'CSV_QUOTE_NOT_CLOSED')
    return `A quotation mark in line ${lastRead + 1}, or after it, is opened and never closed`
  const at = typeof lines === 'number' ? ` in line ${lines}` : ''
  return `A quotation mark${at} stands where none may: a value with a quotation mark in it is quoted itself, and the mark doubled`
}
