import type { ResourceType } from '@medplum/fhirtypes'
import type { Access } from '../../access/access.ts'
import { type Action, and, type Consented, type Expression, none, or } from '../../search/expression.ts'
import type { Connection } from '../database.ts'
import { sharersOf } from '../model/relation/consented.ts'
import { sql } from '../sql.ts'
import type { ManyPatients } from './many-patients.ts'

type Asking = { readonly access: Access; readonly manyPatients: ManyPatients }
type Asked = { readonly action: Action; readonly types: readonly ResourceType[] }

/**
 * The same, whose access says who shares with the caller, if they are few or nobody: otherwise each row of everybody's is asked whether it is shared
 * until a page is full. This only narrows: whether a consent covers the row is asked with it.
 */
export const withFewSharing = async <Of extends Asking>(
  connection: Connection,
  asking: Of,
  { action, types }: Asked,
): Promise<Of> => {
  const { access, manyPatients } = asking
  const found = new Map<string, readonly number[] | undefined>()
  for (const one of new Set(types.flatMap(type => consentsIn(access(action, type))))) {
    const name = nameOf(one)
    if (!found.has(name)) found.set(name, await sharing(connection, manyPatients, one))
  }
  return { ...asking, access: (...asked) => narrowed(access(...asked), one => found.get(nameOf(one))) }
}

const nameOf = (consented: Consented): string => JSON.stringify(consented)

/** Undefined if they are many, which is remembered for a while. */
const sharing = async (
  connection: Connection,
  manyPatients: ManyPatients,
  consented: Consented,
): Promise<readonly number[] | undefined> => {
  const name = `permits ${nameOf(consented)}`
  if (manyPatients.has(name)) return undefined
  const rows = await connection.kept<{ patient_id: number }>(
    sql.fragment`${sharersOf(consented)} LIMIT ${mostPermits + 1}`,
  )
  if (rows.length <= mostPermits) return [...new Set(rows.map(({ patient_id }) => patient_id))]
  manyPatients.note(name)
  return undefined
}

/** With more of them, a page is soon full. */
const mostPermits = 1000

const consentsIn = (rule: Expression): readonly Consented[] => {
  switch (rule.kind) {
    case 'and':
    case 'or':
      return rule.of.flatMap(consentsIn)
    case 'names':
    case 'uploaded':
      return consentsIn(rule.of)
    case 'consented':
      return [rule]
    default:
      return []
  }
}

type Among = (consented: Consented) => readonly number[] | undefined

const narrowed = (rule: Expression, amongOf: Among): Expression => {
  switch (rule.kind) {
    case 'and': {
      const [first, ...rest] = rule.of.map(one => narrowed(one, amongOf))
      return first === undefined ? rule : and(first, ...rest)
    }
    case 'or':
      return or(...rule.of.map(one => narrowed(one, amongOf)))
    case 'consented':
      return within(amongOf(rule), rule)
    // An upload is of the patient whose Observations it brought.
    case 'uploaded':
      return within(boundOf(rule.of, amongOf), rule)
    // One row is named, which need not be looked for.
    case 'names':
      return boundOf(rule.of, amongOf)?.length === 0 ? none : rule
    default:
      return rule
  }
}

const within = (patients: readonly number[] | undefined, rule: Expression): Expression => {
  if (patients === undefined) return rule
  return patients.length === 0 ? none : and({ kind: 'of-patients', patients }, rule)
}

/** The patients of all rows for which it can hold, if they are few. */
const boundOf = (rule: Expression, amongOf: Among): readonly number[] | undefined => {
  switch (rule.kind) {
    case 'consented':
      return amongOf(rule)
    case 'and':
      return rule.of.map(one => boundOf(one, amongOf)).find(bound => bound !== undefined)
    case 'or': {
      const bounds = rule.of.map(one => boundOf(one, amongOf))
      return bounds.includes(undefined) ? undefined : bounds.flatMap(bound => bound ?? [])
    }
    default:
      return undefined
  }
}
