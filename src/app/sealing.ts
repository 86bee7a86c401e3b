import type { Tell } from '../events/event.ts'
import { auditKeyOf } from '../storage/audit/seal/chain.ts'
import { sealAudit } from '../storage/audit/seal/seal.ts'
import { openDatabase } from '../storage/database.ts'

type Options = {
  readonly databaseUrl: string
  readonly secretKey: Uint8Array
  /** Between two checks for what is not sealed yet. */
  readonly pauseMs: number
  readonly tell: Tell
  readonly reportFault: (fault: unknown) => void
}

/** Seals at intervals what was recorded, and reports the head once an hour. Closing it seals once more. */
export const openSealing = ({ databaseUrl, secretKey, pauseMs, tell, reportFault }: Options) => {
  const database = openDatabase(databaseUrl, { poolSize: 1 })
  const key = auditKeyOf(secretKey)
  let toldAt = Number.NEGATIVE_INFINITY
  let isClosed = false
  let timer: NodeJS.Timeout | undefined
  const seal = async (restMs = 0): Promise<void> => {
    const head = await sealAudit(database, key, { restMs }).catch(fault => reportFault(fault))
    if (head !== undefined && performance.now() - toldAt >= hourMs) {
      toldAt = performance.now()
      tell({ kind: 'audit-sealed', ...head })
    }
  }
  const go = async (): Promise<void> => {
    // Of several processes, it is enough that one seals: it seals what all of them have recorded.
    await seal(ofPause * pauseMs)
    if (!isClosed) timer = setTimeout(() => (sealing = go()), pauseMs)
  }
  let sealing = go()
  return {
    close: async () => {
      isClosed = true
      clearTimeout(timer)
      await sealing
      await seal()
      await database.close()
    },
  }
}

/** Nothing is sealed if another process did so within this part of a pause: not within all of it, since a turn may come a little early. */
const ofPause = 0.8

const hourMs = 3_600_000
