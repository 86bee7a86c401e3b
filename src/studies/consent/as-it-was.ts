import type { Person, Resource } from '@medplum/fhirtypes'
import { nameOfPerson, type OpenStoreAs, self } from '../../accounts/person.ts'
import { intervalOf } from '../../fhir/date.ts'
import { nameText } from '../../fhir/display-name.ts'
import { unlessRefused } from '../../fhir/error.ts'
import type { OwnRecord } from './own-record.ts'

/** A resource as it was at a moment, or on a day. Undefined if there was none yet, as on the day of a paper that is older than the study. */
export const findAt = async <R extends Resource>(
  { store }: Pick<OwnRecord, 'store'>,
  type: R['resourceType'],
  id: string,
  at: string,
): Promise<R | undefined> => {
  const interval = intervalOf(at)
  if (interval === undefined) return undefined
  const asked = { count: 1, at: interval, cursor: undefined }
  const page = await unlessRefused(() => store.history(type, id, asked))
  const content = page?.entries[0]?.content
  return content === undefined ? undefined : JSON.parse(content)
}

/** The name that an account had then, or has now if there was none yet. */
export const nameAt = async (openStoreAs: OpenStoreAs, person: string, at: string): Promise<string> => {
  const then = await findAt<Person>({ store: openStoreAs(self(person)) }, 'Person', person, at)
  return then === undefined ? nameOfPerson(openStoreAs, person) : nameText(then.name?.[0])
}
