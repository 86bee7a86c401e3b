import type { Extension, ResearchSubject } from '@medplum/fhirtypes'
import { extensions } from '../../fhir/canonical.ts'
import { withoutMadeNarrative } from '../../fhir/patch/stale-narrative.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'

/** What a place in a study may say of who somebody is. */
export type Noted = {
  /** How the study knows its people. */
  readonly identity: string
  /** Whether the organization of the study has registered the Patient, so that all who enrol people into it may read them. */
  readonly isOwn: boolean
  readonly gender: string | null
  readonly birthYear: string | null
}

/** Undefined if the study or the Patient is not on this server. */
export const findNoted = async (connection: Connection, subject: ResearchSubject): Promise<Noted | undefined> => {
  const [study, patient] = [namedId(subject.study, 'ResearchStudy'), namedId(subject.individual, 'Patient')]
  if (study === undefined || patient === undefined) return undefined
  return connection.maybeOne<Noted>(sql.fragment`
    SELECT study.identity, patient.owner IS NOT DISTINCT FROM study.organization AS "isOwn",
      ${genderOf(sql.fragment`patient`)} AS gender, ${birthYearOf(sql.fragment`patient`)} AS "birthYear"
    FROM study, patient_compartment AS compartment
    JOIN patient ON patient.patient_id = compartment.patient_id AND patient.id = compartment.id
    WHERE study.id = ${study} AND compartment.id = ${patient}`)
}

/** Of the row of a Patient. */
export const genderOf = (row: SqlFragment): SqlFragment => sql.fragment`(${row}.content ->> 'gender')`

export const birthYearOf = (row: SqlFragment): SqlFragment => sql.fragment`left(${row}.content ->> 'birthDate', 4)`

/**
 * A study that knows people by code is told gender and year of birth of those of whom it may know them: what its organization has registered, what
 * whoever writes the place may read, and what it was told before. Other studies read the Patient: there, only what is noted already is kept true.
 */
export const withNoted = (
  subject: ResearchSubject,
  noted: Noted | undefined,
  { isKnown }: { readonly isKnown: boolean },
): ResearchSubject => {
  if (noted === undefined) return subject
  const { gender, birthYear } = noted
  const values: readonly Extension[] = [
    ...(gender === null ? [] : [{ url: extensions.gender, valueCode: gender }]),
    ...(birthYear === null ? [] : [{ url: extensions.birthYear, valueDate: birthYear }]),
  ]
  if (noted.identity === 'coded') return noting(subject, noted.isOwn || isKnown ? values : [])
  if (!noted.isOwn) return subject
  const said = new Set(notesOf(subject).map(({ url }) => url))
  return noting(
    subject,
    values.filter(({ url }) => said.has(url)),
  )
}

/** Whether the server says what the place in `content` notes, whatever is sent, and not whoever writes it: the same as in `withNoted`. */
export const isNotedByServer = (content: SqlFragment): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM study, patient_compartment AS compartment
  JOIN patient ON patient.patient_id = compartment.patient_id AND patient.id = compartment.id
  WHERE study.id = referenced_id(${content} -> 'study', 'ResearchStudy')
    AND compartment.id = referenced_id(${content} -> 'individual', 'Patient')
    AND (study.identity = 'coded' OR patient.owner = study.organization))`

export const saysNote = (subject: ResearchSubject): boolean => notesOf(subject).length > 0

const notesOf = ({ extension = [] }: ResearchSubject): readonly Extension[] => extension.filter(isNote)

const isNote = ({ url }: Extension): boolean => url === extensions.gender || url === extensions.birthYear

const noting = (subject: ResearchSubject, notes: readonly Extension[]): ResearchSubject => {
  if (textOf(notesOf(subject)) === textOf(notes)) return subject
  const { extension = [], ...others } = subject
  const all = [...notes, ...extension.filter(one => !isNote(one))]
  return withoutMadeNarrative(subject, { ...others, ...(all.length > 0 && { extension: all }) })
}

/** Whichever of the two comes first. */
const textOf = (notes: readonly Extension[]): string => JSON.stringify(notes.map(one => JSON.stringify(one)).sort())

/**
 * Whether the row of `place` says something else than `withNoted` makes of it, if it is written by nobody who may read the Patient, which is the row of
 * `patient`.
 */
export const isMisnoted = (place: SqlFragment): SqlFragment => {
  const patient = sql.fragment`patient`
  const isTold = sql.fragment`(study.identity = 'coded' AND (
    ${said(place, extensions.gender, 'valueCode')} || ${said(place, extensions.birthYear, 'valueDate')}) <> '[]')`
  const isOther = (url: string, value: string, ofPatient: SqlFragment) => sql.fragment`(
    ${said(place, url, value)} <> CASE WHEN ${ofPatient} IS NULL THEN '[]' ELSE jsonb_build_array(${ofPatient}) END
    AND (study.identity = 'coded' OR ${said(place, url, value)} <> '[]'))`
  return sql.fragment`(
    (${isTold} OR patient.owner = study.organization)
    AND (${isOther(extensions.gender, 'valueCode', genderOf(patient))}
      OR ${isOther(extensions.birthYear, 'valueDate', birthYearOf(patient))}))`
}

/** The values of the extension, as a list. */
const said = (place: SqlFragment, url: string, value: string): SqlFragment => sql.fragment`coalesce((
  SELECT jsonb_agg(one -> ${value}) FROM jsonb_array_elements(${place}.content -> 'extension') AS one
  WHERE one ->> 'url' = ${url}), '[]')`
