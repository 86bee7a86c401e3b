import { atIntervals } from '../events/at-intervals.ts'
import type { Tell } from '../events/event.ts'
import type { ReportFault } from '../events/faults.ts'
import type { Database } from '../storage/database.ts'
import { readClockDifference } from '../storage/installation/clock.ts'

/** Compares the clock with that of the database at the start and every hour, and says so each time they differ. */
export const openClockWatch = (
  database: Database,
  { tell, reportFault }: { readonly tell: Tell; readonly reportFault: ReportFault },
) =>
  atIntervals(
    async () => {
      const difference = await readClockDifference(database)
      if (difference !== undefined) tell({ kind: 'clocks-differ', ...difference })
    },
    { pauseMs: 60 * 60 * 1000, reportFault },
  )
