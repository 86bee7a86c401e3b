import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import { isResting } from './unanswered.ts'

/** A subscriber to a type. */
export type Listener = { readonly id: string; readonly rests: boolean; readonly wasLate: boolean }

/** Those whose question was not answered last time come last. */
export const listenersTo = (connection: Connection, type: string): Promise<readonly Listener[]> =>
  connection.any<Listener>(sql.fragment`
    SELECT id, ${isResting} AS rests, unanswered > 0 AS "wasLate" FROM subscriber
    WHERE type = ${type} AND status <> 'off' ORDER BY unanswered, id`)
