import type { HumanName, Identifier, Patient } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import { withoutMadeNarrative } from '../../fhir/patch/stale-narrative.ts'
import { namedId } from '../../fhir/reference.ts'
import { requireValidChange } from '../../fhir/validate/valid-change.ts'
import { without } from '../../fhir/with-values.ts'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'
import { contactsOf, withContacts } from './patient-contacts.ts'
import { givenNames, identifiersIn, inOneLine, isUnchanged, type PatientFields, withGender } from './patient-fields.ts'
import { type RecordStanding, withStanding } from './record-standing.ts'
import type { RegisteringParts } from './registering.ts'

/** How people of the organization that registered a patient change the patient's record. */
export type PatientChanges = {
  /** Whether the person may change a Patient whom they have read. Nothing is read for that: whoever reads their own record does so as its patient alone. */
  readonly isFor: (person: string, patient: Patient) => Promise<boolean>
  /** Undefined if the person may not change it. Throws FhirError if the person can see no such patient. */
  readonly find: (person: string, patient: string) => Promise<PatientToChange | undefined>
  /** Writes the version after `version`. Throws FhirError, with 412 if somebody else was faster. */
  readonly change: (person: string, patient: string, version: string, fields: PatientFields) => Promise<void>
  /** The same for whether the patient has died, and the record is in use. */
  readonly settle: (person: string, patient: string, version: string, standing: RecordStanding) => Promise<void>
}

type PatientToChange = { readonly patient: Patient; readonly version: string; readonly fields: PatientFields }

export const openPatientChanges = (parts: RegisteringParts): PatientChanges => {
  const openAs = async (person: string) => {
    const caller = await callerOfPerson(parts.accounts.database, { person, client: 'pages', scope: 'user/Patient.ru' })
    return { caller, store: parts.openStoreFor(caller) }
  }
  const write = async (person: string, id: string, ifMatch: string, changed: (patient: Patient) => Patient) => {
    const { store } = await openAs(person)
    const change = (stored: object) =>
      requireValidChange(parts.registry, stored, withoutMadeNarrative(stored, changed(stored as Patient)))
    await writeOrThrow(store, { kind: 'patch', type: 'Patient', id, ifMatch, change })
  }
  return {
    isFor: async (person, patient) => isRegisteredBy(await openAs(person), patient),
    find: async (person, id) => {
      const opened = await openAs(person)
      const stored = await opened.store.read('Patient', id)
      const patient: Patient = JSON.parse(stored.content)
      return isRegisteredBy(opened, patient)
        ? { patient, version: stored.versionId, fields: fieldsOf(patient) }
        : undefined
    },
    change: (person, id, version, fields) => write(person, id, version, patient => withFields(patient, fields)),
    settle: (person, id, version, standing) => write(person, id, version, patient => withStanding(patient, standing)),
  }
}

const isRegisteredBy = ({ caller }: { readonly caller: Caller }, { managingOrganization }: Patient): boolean =>
  caller.organizations.includes(namedId(managingOrganization, 'Organization') ?? '')

const fieldsOf = (patient: Patient): PatientFields => {
  const { name = [], birthDate = '', gender = '', identifier = [], communication = [] } = patient
  const preferred = communication.find(one => one.preferred) ?? communication[0]
  return {
    // A given name that only has extensions is null.
    given: name[0]?.given?.filter(Boolean).join(' ') ?? '',
    family: name[0]?.family ?? '',
    birthDate,
    identifiers: identifier.map(lineOf).join('\n'),
    ...contactsOf(patient),
    gender,
    language: preferred?.language.coding?.[0]?.code?.split('-')[0] ?? '',
  }
}

const lineOf = ({ system, value = '' }: Identifier): string => (system === undefined ? value : `${system}|${value}`)

/** Whatever else is in the record stays, and so does a field that is unchanged. What extensions say of a value goes with it. */
const withFields = (patient: Patient, fields: PatientFields): Patient => {
  const before = fieldsOf(patient)
  const { name = [], identifier = [], communication = [], ...others } = withContacts(patient, fields)
  const isAs = (...names: readonly (keyof PatientFields)[]) => names.every(one => isUnchanged(one, fields, before))
  const lists = {
    name: isAs('given', 'family') ? name : named(name, fields, isAs),
    identifier: isAs('identifiers') ? identifier : identified(identifier, fields),
    communication: isAs('language')
      ? communication
      : spokenFirst(communication, fields.language.trim(), before.language),
  }
  const changed: Patient = {
    ...(isAs('birthDate') ? others : without(others, 'birthDate')),
    ...Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0)),
    ...(!isAs('birthDate') && { birthDate: fields.birthDate.trim() }),
  }
  return isAs('gender') ? changed : withGender(changed, fields.gender)
}

type IsAs = (...names: readonly (keyof PatientFields)[]) => boolean

/** Changes the first name, and drops its `text`, which would still say the old one. */
const named = (
  [first = {}, ...others]: readonly HumanName[],
  { given, family }: PatientFields,
  isAs: IsAs,
): HumanName[] => {
  const changed = (['given', 'family'] as const).filter(one => !isAs(one))
  const names = { given: givenNames(given), family: inOneLine(family) }
  const written = changed.map(one => [one, names[one]] as const).filter(([, value]) => value.length > 0)
  return [{ ...without(first, 'text', ...changed), ...Object.fromEntries(written) }, ...others]
}

const identified = (before: readonly Identifier[], { identifiers }: PatientFields): Identifier[] =>
  identifiersIn(identifiers).map(one => before.find(other => lineOf(other) === lineOf(one)) ?? one)

/** If no language is known any more, the one that the page showed goes: first or not, it would be written in. */
const spokenFirst = (spoken: NonNullable<Patient['communication']>, language: string, shown: string) => {
  const replaced = language === '' ? shown : language
  const others = spoken
    .filter(one => one.language.coding?.[0]?.code?.split('-')[0] !== replaced)
    .map(({ preferred: _, ...one }) => one)
  const own = { language: { coding: [{ system: 'urn:ietf:bcp:47', code: language }] }, preferred: true }
  return language === '' ? others : [own, ...others]
}
