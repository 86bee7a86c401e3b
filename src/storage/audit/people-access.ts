import type { ResourceType } from '@medplum/fhirtypes'
import type { Registry } from '../../fhir/registry.ts'
import type { SharersAsked } from '../study/sharer-lists.ts'
import type { Sharer, Sharers } from '../study/sharers.ts'
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

/**
 * What was answered about people who share with somebody: what they have given, who they are, of those who are known, and when their newest reading
 * was measured, of those who have one. Each is recorded apart, so that nobody is told that more was seen of them.
 */
export const sharersAccesses = (
  registry: Registry,
  { text }: Pick<SharersAsked, 'text'>,
  { rows }: Sharers,
): readonly AuditAccess[] => {
  const query = text === '' ? undefined : 'find=…'
  const parts: readonly (readonly [ResourceType, readonly Found[]])[] = [
    ['Consent', rows.map(({ patientId, consent }) => ({ type: 'Consent', patientId, content: consent }))],
    ['Patient', rows.flatMap(knownOf)],
    ['Observation', rows.flatMap(measuredOf)],
  ]
  return parts
    .filter(([type, found]) => type === 'Consent' || found.length > 0)
    .map(([type, found]) => ({
      interaction: 'search-type',
      outcome: 200,
      query,
      ...concernedBy(registry, { type }, found),
    }))
}

const knownOf = ({ patientId, patient }: Sharer): readonly Found[] =>
  patient === null ? [] : [{ type: 'Patient', patientId, content: patient }]

const measuredOf = ({ patientId, kindId }: Sharer): readonly Found[] =>
  kindId === null ? [] : [{ type: 'Observation', patientId, kindId }]

const personOf = (row: StudyPersonRow): readonly Found[] => {
  const { patientId, subject, patient } = row
  return [
    { type: 'ResearchSubject', patientId, content: subject },
    ...(patient === null ? [] : [{ type: 'Patient' as const, patientId, content: patient }]),
    ...(tellsAnswer(row) ? [{ type: 'Consent' as const, patientId }] : []),
  ]
}

/** Also what waits on paper, and what still stands after their place has ended, is told of them. */
const tellsAnswer = ({ state, isOnPaper, isLeftStanding }: StudyPersonRow): boolean =>
  isOnPaper || isLeftStanding || (state !== 'none' && state !== 'ended')

const newestOf = ({ patientId, arrived, kindId }: StudyPersonRow): readonly Found[] =>
  arrived === null ? [] : [{ type: 'Observation', patientId, kindId: kindId ?? undefined }]

const queryOf = ({ text, state }: Pick<StudyPeopleAsked, 'text' | 'state'>): string | undefined => {
  const said = [...(text === '' ? [] : ['find=…']), ...(state === undefined ? [] : [`state=${state}`])]
  return said.length === 0 ? undefined : said.join('&')
}
