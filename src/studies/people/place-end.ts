import type { ResearchSubject } from '@medplum/fhirtypes'
import { invitedBy } from '../../access/questions.ts'
import { FhirError } from '../../fhir/error.ts'
import { parseJson } from '../../fhir/json.ts'
import { and } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import type { Store } from '../../storage/store.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'
import type { ForSubject, WithdrawalParts } from '../consent/withdrawal-by-staff.ts'
import { type EndedStatus, placeStandingOf } from './place-standing.ts'

/** A place in a study that somebody may end. */
export type EndablePlace = {
  readonly place: ResearchSubject
  readonly version: string
  /** It has ended already, by its status or its period. */
  readonly isOver: boolean
  readonly store: Store
}

/** Throws `not-found` for anybody who may not write this place, as if there were none. */
export const findEndablePlace = async (
  { accounts, registry, openStoreFor }: WithdrawalParts,
  { person, study, subject }: ForSubject,
): Promise<EndablePlace> => {
  const caller = await callerOfPerson(accounts.database, { person, client: 'pages', scope })
  const store = openStoreFor(caller)
  const asked = parseSearch(registry, 'ResearchSubject', new URLSearchParams({ study: `ResearchStudy/${study}` }))
  const where = and(asked.where, invitedBy(caller), { kind: 'identified', ids: [subject] })
  const [found] = (await store.search({ ...asked, where })).entries
  if (found === undefined) throw new FhirError('not-found', 'There is no such place in the study')
  const place = parseJson(found.content) as ResearchSubject
  return { place, version: found.versionId, isOver: placeStandingOf(place) === 'over', store }
}

const scope = 'user/ResearchStudy.rs user/ResearchSubject.rus'

/**
 * Ends the place for good, from now on: its period has an end, unless it had not begun. What ends with it, such as open invitations and the reading of
 * data, ends in the same transaction. If the place is not as in `version` any more, nothing is done.
 */
export const endPlace = async (
  { place, version: now, store }: EndablePlace,
  { version, status }: { readonly version: string; readonly status: EndedStatus },
): Promise<'ended' | 'changed'> => {
  if (version !== now) return 'changed'
  const { id = '', period = {} } = place
  const end = new Date().toISOString()
  const hasBegun = placeStandingOf(place) !== 'to-come'
  try {
    const resource = { ...place, status, ...(hasBegun && { period: { ...period, end } }) }
    await writeOrThrow(store, { kind: 'update', id, resource, ifMatch: now })
    return 'ended'
  } catch (error) {
    if (error instanceof FhirError && error.status === 412) return 'changed'
    throw error
  }
}
