import type { Patient, ResearchSubject } from '@medplum/fhirtypes'
import { namedId } from '../../fhir/reference.ts'
import { parseSearch } from '../../search/parse.ts'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import type { ForSubject, WithdrawalParts } from '../consent/withdrawal-by-staff.ts'
import type { EnrolledPerson } from './enrolled-people.ts'

/** Who somebody in a study is, as far as `person` may know. Throws `not-found` if they may know nothing. */
export const findEnrolledPerson = async (
  { accounts, registry, openStoreFor }: WithdrawalParts,
  { person, subject }: Omit<ForSubject, 'study'>,
): Promise<Pick<EnrolledPerson, 'patient' | 'codes'>> => {
  const scope = 'user/ResearchSubject.r user/Patient.s'
  const store = openStoreFor(await callerOfPerson(accounts.database, { person, client: 'pages', scope }))
  const { identifier = [], individual }: ResearchSubject = JSON.parse(
    (await store.read('ResearchSubject', subject)).content,
  )
  const query = new URLSearchParams({ _id: namedId(individual, 'Patient') ?? '' })
  const [found] = (await store.search(parseSearch(registry, 'Patient', query))).entries
  return {
    ...(found && { patient: JSON.parse(found.content) as Patient }),
    codes: identifier.flatMap(({ value }) => value ?? []),
  }
}
