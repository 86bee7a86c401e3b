import type { ResearchStudy, ResearchSubject } from '@medplum/fhirtypes'
import { enrollingInto } from '../../access/questions.ts'
import { namedId } from '../../fhir/reference.ts'
import { and } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import { reasonNotToEnrol } from '../definition/study-status.ts'
import { heldPlaces } from '../people/held-places.ts'
import type { RegisteringParts } from './registering.ts'

/** A place that a patient has in a study now: the id of the ResearchSubject, and the codes by which the study knows them. */
type PatientPlace = { readonly study: ResearchStudy; readonly id: string; readonly codes: readonly string[] }

type PatientStudies = {
  readonly joined: readonly PatientPlace[]
  /** Others that take people, or are being prepared, and into which the person may enrol them. */
  readonly open: readonly ResearchStudy[]
}

/** As far as the person may see them, by title; at most a hundred of each. */
export const findPatientStudies = async (
  { accounts, registry, openStoreFor }: RegisteringParts,
  person: string,
  patient: string,
): Promise<PatientStudies> => {
  const caller = await callerOfPerson(accounts.database, { person, client: 'pages', scope })
  const store = openStoreFor(caller)
  const places = await store.search(heldPlaces(registry, { individual: `Patient/${patient}`, _count: most }))
  const subjects = places.entries.map(({ content }): ResearchSubject => JSON.parse(content))
  const studyOf = ({ study }: ResearchSubject) => namedId(study, 'ResearchStudy')
  const ids = subjects.flatMap(one => studyOf(one) ?? [])
  const parsed = (query: Readonly<Record<string, string>>) =>
    parseSearch(registry, 'ResearchStudy', new URLSearchParams(query))
  const find = async (query: Readonly<Record<string, string>>, among = parsed({}).where) => {
    const asked = parsed({ ...query, _sort: 'title', _count: most })
    const { entries } = await store.search({ ...asked, where: and(asked.where, among) })
    return entries.map(({ content }): ResearchStudy => JSON.parse(content))
  }
  const enrolling = await find({ status: 'active,in-review' }, enrollingInto(caller))
  const studies = ids.length === 0 ? [] : await find({ _id: ids.join(',') })
  return {
    joined: studies.flatMap(study => subjects.filter(one => studyOf(one) === study.id).map(one => toPlace(study, one))),
    open: enrolling.filter(study => !ids.includes(study.id ?? '') && reasonNotToEnrol(study) === undefined),
  }
}

const toPlace = (study: ResearchStudy, { id = '', identifier = [] }: ResearchSubject): PatientPlace => ({
  study,
  id,
  codes: identifier.flatMap(({ value }) => value ?? []),
})

const most = '100'
const scope = 'user/ResearchStudy.rs user/ResearchSubject.rs'
