import type { ResearchStudy } from '@medplum/fhirtypes'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import type { Database } from '../../storage/database.ts'
import type { StudyAction } from '../../storage/study/study-action.ts'
import { type EnrolledPerson, findEnrolledPeople, type StudyParts } from './enrolled-people.ts'

/** How each of them stands, as far as whoever reminds them may know. */
export const standingOf = async (
  parts: StudyParts & { readonly database: Database },
  { person, study: id }: Pick<StudyAction, 'person' | 'study'>,
  among: readonly string[],
): Promise<ReadonlyMap<string, EnrolledPerson>> => {
  const caller = await callerOfPerson(parts.database, { person, client: 'pages', scope: 'user/*.rs' })
  const { content } = await parts.openStoreFor(caller).read('ResearchStudy', id)
  const study: ResearchStudy = JSON.parse(content)
  const { people } = await findEnrolledPeople(parts, caller, study, { among, limit: among.length })
  return new Map(people.map(one => [one.id, one]))
}
