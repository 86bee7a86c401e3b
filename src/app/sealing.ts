import type { Tell } from '../events/event.ts'
import { auditKeyOf } from '../storage/audit/seal/chain.ts'
import { findAuditHead, sealAudit } from '../storage/audit/seal/seal.ts'
import { openDatabase } from '../storage/database.ts'

type Options = {
  readonly databaseUrl: string
  readonly secretKey: Uint8Array
  /** Between two checks for what is not sealed yet. */
  readonly pauseMs: number
  readonly tell: Tell
  readonly reportFault: (fault: unknown) => void
}

/**
 * Seals at intervals what was recorded. Closing it seals once more. The head is reported at the start, once an hour and at the end, unless it is still
 * the one that was reported before.
 */
export const openSealing = ({ databaseUrl, secretKey, pauseMs, tell, reportFault }: Options) => {
  const database = openDatabase(databaseUrl, { poolSize: 1 })
  const key = auditKeyOf(secretKey)
  let toldAt = Number.NEGATIVE_INFINITY
  let told: string | undefined
  let isClosed = false
  let timer: NodeJS.Timeout | undefined
  const seal = async (restMs: number): Promise<void> => {
    await sealAudit(database, key, { restMs })
    if (isClosed || performance.now() - toldAt >= hourMs) await tellHead()
  }
  // Whoever made the newest seal, and whenever: after an hour in which nothing was recorded, it may be the last of the hour before.
  const tellHead = async (): Promise<void> => {
    const newest = await findAuditHead(database)
    if (newest === undefined) return
    if (newest.head !== told) tell({ kind: 'audit-sealed', ...newest })
    told = newest.head
    toldAt = performance.now()
  }
  const go = async (): Promise<void> => {
    // Of several processes, it is enough that one seals: it seals what all of them have recorded.
    await seal(ofPause * pauseMs).catch(reportFault)
    if (!isClosed) timer = setTimeout(() => (sealing = go()), pauseMs)
  }
  let sealing = go()
  return {
    connections: database,
    close: async () => {
      isClosed = true
      clearTimeout(timer)
      await sealing
      await seal(0).catch(reportFault)
      await database.close()
    },
  }
}

/** Nothing is sealed if another process did so within this part of a pause: not within all of it, since a turn may come a little early. */
const ofPause = 0.8

const hourMs = 3_600_000
