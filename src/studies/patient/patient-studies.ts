import type { ResearchStudy, ResearchSubject } from '@medplum/fhirtypes'
import { enrollingInto } from '../../access/questions.ts'
import { namedId } from '../../fhir/reference.ts'
import { and } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import { heldPlaces } from '../people/held-places.ts'
import type { RegisteringParts } from './registering.ts'

type PatientStudies = {
  /** In which the patient has a place now. */
  readonly joined: readonly ResearchStudy[]
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
  const ids = places.entries.flatMap(({ content }) => {
    const { study }: ResearchSubject = JSON.parse(content)
    return namedId(study, 'ResearchStudy') ?? []
  })
  const parsed = (query: Readonly<Record<string, string>>) =>
    parseSearch(registry, 'ResearchStudy', new URLSearchParams(query))
  const find = async (query: Readonly<Record<string, string>>, among = parsed({}).where) => {
    const asked = parsed({ ...query, _sort: 'title', _count: most })
    const { entries } = await store.search({ ...asked, where: and(asked.where, among) })
    return entries.map(({ content }): ResearchStudy => JSON.parse(content))
  }
  const enrolling = await find({ status: 'active,in-review' }, enrollingInto(caller))
  return {
    joined: ids.length === 0 ? [] : await find({ _id: ids.join(',') }),
    open: enrolling.filter(({ id = '' }) => !ids.includes(id)),
  }
}

const most = '100'
const scope = 'user/ResearchStudy.rs user/ResearchSubject.rs'
