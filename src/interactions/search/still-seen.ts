import type { ResourceType } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import type { Search } from '../../search/search.ts'
import type { Store, Stored } from '../../storage/store.ts'

export type Sent = {
  /** What is about to go out. */
  readonly note: (entries: readonly Stored[]) => void
  /** Throws `forbidden` if its reader has lost the right to some of it. */
  readonly requireSeen: () => Promise<void>
}

/**
 * What of a long answer has gone out page by page. If its reader loses a right meanwhile, such as a role or a patient's consent, later pages leave out
 * what that was about, and an answer that is neither what they could see before nor what they can see now would look whole. So it is asked at the
 * end whether they may still see the first and the last of each kind of each patient, for the first ten thousand of these. What was deleted meanwhile
 * takes no right from anybody.
 */
export const openSent = (asked: Search, { unseen }: Pick<Store, 'unseen'>): Sent => {
  const ends = new Map<string, Ends>()
  return {
    note: entries => {
      for (const { type, id, patientId, kindId } of entries) {
        const key = `${type} ${patientId} ${kindId}`
        const known = ends.get(key)
        if (known !== undefined) known.last = id
        else if (ends.size < mostEnds) ends.set(key, { type, first: id, last: id })
      }
    },
    requireSeen: async () => {
      for (const [type, sent] of Map.groupBy(ends.values(), one => one.type))
        for (let from = 0; from < sent.length; from += endsAtOnce) {
          const ids = new Set(sent.slice(from, from + endsAtOnce).flatMap(({ first, last }) => [first, last]))
          if ((await unseen({ ...asked, type }, [...ids])).length > 0) throw lost()
        }
    },
  }
}

type Ends = { readonly type: ResourceType; readonly first: string; last: string }

const mostEnds = 10_000
const endsAtOnce = 500

const lost = (): FhirError =>
  new FhirError('forbidden', 'Some of what this answers can no longer be seen by its reader: ask for it anew')
