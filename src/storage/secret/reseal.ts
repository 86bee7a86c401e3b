import { setTimeout as sleep } from 'node:timers/promises'
import { startError } from '../../start-error.ts'
import { attestRotation } from '../audit/seal/attestation.ts'
import { auditKeyOf } from '../audit/seal/chain.ts'
import type { Connection, Database } from '../database.ts'
import { sql } from '../sql.ts'
import { type Kind, seal, unseal } from './sealed.ts'

type Place = { readonly table: string; readonly key: string; readonly column: string; readonly kind: Kind }

/** The columns with sealed values that last. */
const places: readonly Place[] = [
  { table: 'signing_key', key: 'kid', column: 'sealed', kind: 'signing keys' },
  { table: 'ehr_key', key: 'alg', column: 'sealed', kind: 'launches from an EHR' },
  { table: 'smart_client_config', key: 'id', column: 'secret', kind: 'launches from an EHR' },
  { table: 'user_account', key: 'person', column: 'authenticator', kind: 'authenticators' },
  { table: 'letter', key: 'id', column: 'sealed', kind: 'letters' },
]

/** These are used only for minutes, and can be started again. */
const passing = ['ehr_arrival', 'sign_in_step'] as const

type Keys = { readonly from: Uint8Array; readonly to: Uint8Array }

/** `unproved`: the new key does not vouch for what the previous one has sealed in the record of who did what. */
type Asked = { readonly audit?: 'proved' | 'unproved' }

/**
 * Seals everything with another SECRET_KEY, in one commit; from then on the previous one opens nothing. What the new key has already sealed stays, so
 * it can be repeated. Answers how many values there are. Throws a start error if neither key opens something, if the record of who did what is not
 * whole, or if a server is connected at the beginning or the end, since that would go on sealing with the previous key.
 */
export const resealAll = (database: Database, keys: Keys, { audit = 'proved' }: Asked = {}): Promise<number> =>
  database.transaction(async connection => {
    await refuseOthers(connection)
    let count = 0
    for (const place of places) count += await resealPlace(connection, place, keys)
    for (const table of passing) await connection.run(sql.fragment`DELETE FROM ${sql.identifier([table])}`)
    if (audit === 'proved') await attestRotation(connection, { from: auditKeyOf(keys.from), to: auditKeyOf(keys.to) })
    // The proof takes minutes, in which somebody may have started a server: what that has sealed would be lost.
    await refuseOthers(connection)
    return count
  })

/** Tries for a little while, since PostgreSQL takes a moment to notice that a connection was closed. */
const refuseOthers = async (connection: Connection, attempts = 10): Promise<void> => {
  // Within a transaction the same statistics are shown again, unless they are cleared.
  await connection.any(sql.fragment`SELECT pg_stat_clear_snapshot()`)
  const { others } = await connection.one<{ readonly others: number }>(sql.fragment`
    SELECT count(*)::integer AS others FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`)
  if (others === 0) return
  if (attempts <= 1) throw startError('Something else is connected to the database: stop the server first')
  await sleep(100)
  return refuseOthers(connection, attempts - 1)
}

const resealPlace = async (
  connection: Connection,
  { table, key, column, kind }: Place,
  keys: Keys,
): Promise<number> => {
  const [from, id, sealed] = [sql.identifier([table]), sql.identifier([key]), sql.identifier([column])]
  const rows = await connection.any<{ readonly id: string; readonly sealed: string }>(sql.fragment`
    SELECT ${id} AS id, ${sealed} AS sealed FROM ${from} WHERE ${sealed} IS NOT NULL FOR UPDATE`)
  for (const row of rows)
    await connection.run(sql.fragment`
      UPDATE ${from} SET ${sealed} = ${await resealed(row.sealed, kind, keys)} WHERE ${id} = ${row.id}`)
  return rows.length
}

const resealed = async (sealed: string, kind: Kind, { from, to }: Keys): Promise<string> => {
  const opened = await unseal(from, kind, sealed).catch(() => undefined)
  if (opened !== undefined) return seal(to, kind, opened)
  const isDone = await unseal(to, kind, sealed).then(
    () => true,
    () => false,
  )
  if (isDone) return sealed
  throw startError('What lies in the database was sealed by another SECRET_KEY than the one before')
}
