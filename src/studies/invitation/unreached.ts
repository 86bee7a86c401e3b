import type { Connection } from '../../storage/database.ts'
import { toMobile } from '../../storage/model/mobile-number.ts'
import { invitedNumbers } from '../../storage/study/message-state.ts'
import { type OfPlaces, recordsThatMayLack } from '../../storage/study/place-record.ts'
import { lackedBy, type ReachParts, waysOf } from './addresses-for.ts'

/** Of those who cannot be written to, what their record lacks, by the id of their ResearchSubject. */
export type Unreached = ReadonlyMap<string, string>

type UnreachedParts = { readonly accounts: Pick<ReachParts['accounts'], 'database'> } & Pick<ReachParts, 'channels'>

/**
 * Those in a study whom no message can reach. Whether the caller may invite them is checked elsewhere. Nobody is among them where the server writes to
 * nobody, nor who is not written to any more because they have died, or their record is not in use.
 */
export const findUnreached = async ({ accounts, channels }: UnreachedParts, of: OfPlaces): Promise<Unreached> => {
  if (waysOf(channels).length === 0) return new Map()
  const records = await recordsThatMayLack(accounts.database, { of, byEmail: channels.email !== undefined })
  return new Map(
    records.flatMap(({ subject, record }) => {
      const lacked = lackedBy({ channels }, record)
      return lacked === undefined ? [] : [[subject, lacked]]
    }),
  )
}

/**
 * Those of the ResearchSubjects to whom an open invitation was sent by text message alone, to what is no number: an earlier version took more for one.
 * Whether their record has an e-mail address by now does not matter.
 */
export const findAstray = async (connection: Connection, subjects: readonly string[]): Promise<ReadonlySet<string>> => {
  const invited = await invitedNumbers(connection, subjects)
  return new Set(
    invited.flatMap(({ subject, numbers }) => (numbers.every(one => toMobile(one) === undefined) ? [subject] : [])),
  )
}
