import type { Restricted } from '../../access/access.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { compile } from '../compile/compile.ts'
import type { Connection } from '../database.ts'
import { type Candidate, entryRow, entryTables } from '../prepare/candidate.ts'
import { tableOf } from '../row.ts'
import { sql } from '../sql.ts'
import { changes } from './changes.ts'
import { factsOf, sideRows } from './side-rows.ts'

/**
 * Writes new resources of one type with all their side rows in one statement, as far as the question lets them pass. Answers the pks that were
 * written; the others change nothing. A resource that comes back after a deletion still has its identity.
 */
export const insertResources = async (
  connection: Connection,
  typeId: number,
  candidates: readonly Candidate[],
  allowed: Restricted,
  classes: CodeClasses,
): Promise<ReadonlySet<string>> => {
  const [first] = candidates
  if (first === undefined) return new Set()
  const { type } = first
  const rows = await connection.any<{ pk: string }>(sql.fragment`
    WITH ${entryTables(candidates)},
    allowed AS MATERIALIZED (
      SELECT entry.* FROM entry WHERE ${compile(allowed, entryRow(type), classes)}
    ),
    identity AS (
      INSERT INTO resource_identity (type_id, id, patient_id, pk)
      SELECT ${typeId}, id, patient_id, pk FROM allowed WHERE version = 1
    ),
    ${changes(type, sql.fragment`allowed`)}
    ${sql.join([none, ...sideRows(candidates, sql.fragment`allowed`)], sql.fragment`, `)}
    INSERT INTO ${tableOf(type)} (patient_id, pk, id, version, last_updated, owner, author, tokens, content ${factsOf(type)})
    SELECT patient_id, pk, id, version, last_updated, owner, author, tokens, content ${factsOf(type)}
    FROM allowed
    RETURNING pk`)
  return new Set(rows.map(({ pk }) => pk))
}

const none = sql.fragment``
