import type { ResourceType } from '@medplum/fhirtypes'
import { restrict } from '../../access/access.ts'
import { FhirError, orRefusal } from '../../fhir/error.ts'
import type { Expression } from '../../search/expression.ts'
import type { Connection } from '../database.ts'
import { storedRow, tableOf } from '../row.ts'
import { sql, word } from '../sql.ts'
import { compile } from './compile.ts'
import { leadsByIndex } from './compile-link.ts'
import type { Gate } from './gate.ts'

type Asked = { readonly type: ResourceType; readonly where: Expression }

/**
 * The same search, whose chains say what they lead to if that is little: then the rows are found by the index of references, and otherwise one row
 * after another is looked at. This only narrows: what the chain asks of them, and whether the caller may see them, is asked again with the rows.
 */
export const chainsFollowed = async <Search extends Asked>(
  connection: Connection,
  gate: Gate,
  search: Search,
): Promise<Search> => ({ ...search, where: await followed(connection, gate, search) })

/** In a disjunction it only helps if all alternatives are chains. */
const followed = async (connection: Connection, gate: Gate, { type, where }: Asked): Promise<Expression> => {
  switch (where.kind) {
    case 'and':
    case 'or': {
      if (where.kind === 'or' && !where.of.every(({ kind }) => kind === 'chain')) return where
      const of: Expression[] = []
      for (const one of where.of) of.push(await followed(connection, gate, { type, where: one }))
      return { ...where, of }
    }
    case 'chain': {
      const among = leadsByIndex(where, storedRow(type, 'row')) ? await targetsOf(connection, gate, where) : undefined
      return among === undefined || among.length > mostTargets ? where : { ...where, among }
    }
    default:
      return where
  }
}

const mostTargets = 100

/** Undefined if the caller may not search what it leads to. They are told so when the whole question is asked. */
const targetsOf = async (
  connection: Connection,
  { access, classes }: Gate,
  { target, of }: Extract<Expression, { kind: 'chain' }>,
): Promise<readonly string[] | undefined> => {
  const question = orRefusal(() => restrict(access, 's', target, of))
  if (question instanceof FhirError) return undefined
  const rows = await connection.any<{ id: string }>(sql.fragment`
    SELECT target.id FROM ${tableOf(target)} AS target
    WHERE ${compile(question, storedRow(target, 'target'), classes)} LIMIT ${word(`${mostTargets + 1}`)}`)
  return rows.map(({ id }) => id)
}
