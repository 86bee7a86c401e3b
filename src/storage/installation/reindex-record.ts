import type { ResourceType } from '@medplum/fhirtypes'
import { insertRecords } from '../audit/record.ts'
import type { Connection } from '../database.ts'

/** Of a patient, by the number of the compartment, and the numbers of the kinds of the Observations that were written. */
type Reindexed = { readonly patient: number; readonly kinds?: ReadonlySet<number> }

/** Records of each patient, in the commit in which it is done, that the server wrote next versions of what is theirs. */
export const recordReindex = async (
  connection: Connection,
  type: ResourceType,
  reindexed: readonly Reindexed[],
): Promise<void> => {
  if (reindexed.length === 0) return
  await insertRecords(
    connection,
    reindexed.map(({ patient, kinds = [] }) => ({
      client: 'cli',
      interaction: 'update',
      operation: 'reindex',
      type,
      patients: [patient],
      kinds,
      outcome: 200,
    })),
  )
}
