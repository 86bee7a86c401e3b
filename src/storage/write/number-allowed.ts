import { type Access, restrict } from '../../access/access.ts'
import { compile } from '../compile/compile.ts'
import type { Connection } from '../database.ts'
import { type Candidate, entryRow, entryTables } from '../prepare/candidate.ts'
import { isNumbered, numberAll, type Preparing } from '../prepare/prepare.ts'
import { sql } from '../sql.ts'

type Asking = Omit<Preparing, 'registry'> & { readonly access: Access }

/**
 * Candidates with words that the dictionaries do not have yet get numbers for them only if the caller may write them. The others stay without,
 * and are refused: somebody who may write nothing must not fill the dictionaries. Most have nothing new, and then nothing is asked.
 */
export const numberAllowed = async (
  connection: Connection,
  writing: Asking,
  candidates: readonly Candidate[],
  action: 'c' | 'u',
): Promise<readonly Candidate[]> => {
  const unnumbered = candidates.filter(one => !isNumbered(one))
  const allowed = await allowedAmong(connection, writing, unnumbered, action)
  if (allowed.length === 0) return candidates
  const byPk = new Map((await numberAll(connection, writing, allowed)).map(one => [one.pk, one]))
  return candidates.map(one => byPk.get(one.pk) ?? one)
}

const allowedAmong = async (
  connection: Connection,
  { access, classes }: Asking,
  unnumbered: readonly Candidate[],
  action: 'c' | 'u',
): Promise<readonly Candidate[]> => {
  const [first] = unnumbered
  if (first === undefined) return []
  const { type } = first
  const allowed = restrict(access, action, type)
  if (allowed.kind === 'all') return unnumbered
  const rows = await connection.any<{ pk: string }>(sql.fragment`
    WITH ${entryTables(unnumbered)} SELECT pk FROM entry WHERE ${compile(allowed, entryRow(type), classes)}`)
  const pks = new Set(rows.map(({ pk }) => pk))
  return unnumbered.filter(({ pk }) => pks.has(pk))
}
