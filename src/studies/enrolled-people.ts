import type { Consent, Observation, Patient, ResearchStudy, ResearchSubject, Resource } from '@medplum/fhirtypes'
import type { Caller } from '../access/caller.ts'
import type { CodeClasses } from '../fhir/code-class.ts'
import type { Registry } from '../fhir/registry.ts'
import { parseSearch } from '../search/parse.ts'
import type { Store } from '../storage/store.ts'
import { type Answer, answerOf } from './answer.ts'

export type StudyParts = {
  readonly registry: Registry
  readonly codeClasses: CodeClasses
  /** The store as a caller sees it. */
  readonly openStoreFor: (caller: Caller) => Store
}

/** Somebody in a study, as far as the caller may know. */
export type EnrolledPerson = {
  /** Id of the ResearchSubject. */
  readonly id: string
  /** Absent where the caller may not read the Patient: then there is the code alone. */
  readonly patient?: Patient
  readonly codes: readonly string[]
  /** Whether the place in the study has ended. */
  readonly hasEnded: boolean
  /** Undefined where the caller may not read what people answer. */
  readonly answer: Answer | undefined
  /** The newest reading that the caller may see: when it was measured, as it says so itself, and when it came. */
  readonly newest?: { readonly measured?: string; readonly arrived: Date }
}

export type EnrolledPage = { readonly people: readonly EnrolledPerson[]; readonly next?: string }

/** One page of those in the study, those who came last first. Everything is asked as the caller. */
export const findEnrolledPeople = async (
  parts: StudyParts,
  caller: Caller,
  study: ResearchStudy,
  { seesAnswers, cursor }: { readonly seesAnswers: boolean; readonly cursor?: string | undefined },
): Promise<EnrolledPage> => {
  const store = parts.openStoreFor(caller)
  const find = async <R extends Resource>(type: R['resourceType'], query: Readonly<Record<string, string>>) => {
    const { entries } = await store.search(parseSearch(parts.registry, type, new URLSearchParams(query)))
    return entries.map(({ content, lastUpdated }) => ({ resource: JSON.parse(content) as R, lastUpdated }))
  }
  const asked = new URLSearchParams({ study: `ResearchStudy/${study.id}`, _count: String(pageSize) })
  const page = await store.search({ ...parseSearch(parts.registry, 'ResearchSubject', asked), cursor })
  const subjects = page.entries.map(({ content }): ResearchSubject => JSON.parse(content))
  const references = subjects.flatMap(({ individual }) => individual.reference ?? [])
  const named = references.join(',')
  const [patients, consents] = await Promise.all([
    named === ''
      ? []
      : find<Patient>('Patient', { _id: named.replaceAll('Patient/', ''), _count: countOf(references) }),
    named === ''
      ? []
      : find<Consent>('Consent', { study: `ResearchStudy/${study.id}`, patient: named, _count: '1000' }),
  ])
  const people: EnrolledPerson[] = []
  for (const subject of subjects) {
    const reference = subject.individual.reference ?? ''
    const patient = patients.find(({ resource }) => `Patient/${resource.id}` === reference)?.resource
    const own = consents.map(({ resource }) => resource).filter(one => one.patient?.reference === reference)
    const [newest] = await find<Observation>('Observation', { patient: reference, _count: '1' })
    people.push({
      id: subject.id ?? '',
      ...(patient && { patient }),
      codes: (subject.identifier ?? []).flatMap(({ value }) => value ?? []),
      hasEnded: ended.has(subject.status),
      answer: seesAnswers ? answerOf(own, study, parts.codeClasses) : undefined,
      ...(newest && { newest: { ...measuredOf(newest.resource), arrived: newest.lastUpdated } }),
    })
  }
  return { people, ...(page.next !== undefined && { next: page.next }) }
}

const pageSize = 20

const countOf = (references: readonly string[]): string => String(Math.max(references.length, 1))

const ended: ReadonlySet<string | undefined> = new Set(['ineligible', 'not-registered', 'off-study', 'withdrawn'])

const measuredOf = ({ effectiveDateTime, effectiveInstant, effectivePeriod }: Observation) => {
  const measured = effectiveDateTime ?? effectiveInstant ?? effectivePeriod?.end ?? effectivePeriod?.start
  return measured === undefined ? {} : { measured }
}
