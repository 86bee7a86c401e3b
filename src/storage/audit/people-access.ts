import type { Registry } from '../../fhir/registry.ts'
import type { StudyPeople, StudyPeopleAsked, StudyPersonRow } from '../study/study-people.ts'
import { concernedBy, type Found } from './concerned.ts'
import type { AuditAccess } from './record.ts'

/**
 * What was answered about people in a study: who they are and what they have answered, with those who were named but do not fit; and when their
 * newest reading came, for those whose it was shown.
 */
export const peopleAccesses = (
  registry: Registry,
  asked: Pick<StudyPeopleAsked, 'text' | 'state'>,
  { rows, named }: StudyPeople,
): readonly AuditAccess[] => {
  const others = named.map((patientId): Found => ({ type: 'ResearchSubject', patientId }))
  const newest = rows.flatMap(newestOf)
  const search = { interaction: 'search-type', outcome: 200 }
  const people = {
    ...search,
    query: queryOf(asked),
    ...concernedBy(registry, { type: 'ResearchSubject' }, rows.flatMap(personOf), others),
  }
  return newest.length === 0
    ? [people]
    : [people, { ...search, ...concernedBy(registry, { type: 'Observation' }, newest) }]
}

const personOf = ({ patientId, subject, patient, state }: StudyPersonRow): readonly Found[] => [
  { type: 'ResearchSubject', patientId, content: subject },
  ...(patient === null ? [] : [{ type: 'Patient' as const, patientId, content: patient }]),
  ...(state === 'none' || state === 'ended' ? [] : [{ type: 'Consent' as const, patientId }]),
]

const newestOf = ({ patientId, arrived, kindId }: StudyPersonRow): readonly Found[] =>
  arrived === null ? [] : [{ type: 'Observation', patientId, kindId: kindId ?? undefined }]

const queryOf = ({ text, state }: Pick<StudyPeopleAsked, 'text' | 'state'>): string | undefined => {
  const said = [...(text === '' ? [] : ['find=…']), ...(state === undefined ? [] : [`state=${state}`])]
  return said.length === 0 ? undefined : said.join('&')
}
