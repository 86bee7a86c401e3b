import type { Relation } from '../../../search/expression.ts'
import type { RelatedRow } from '../../row.ts'
import { type SqlFragment, sql } from '../../sql.ts'
import { compileConsentable, compileConsented } from './consented.ts'
import { compileContent } from './content.ts'
import { isBy } from './is-by.ts'
import { compileKept } from './kept.ts'
import { compileMember, compileSameTenant } from './member.ts'
import { compileInvited, compileKnownTo, compileUnanswered } from './of-patient.ts'
import { compileStaffed } from './staffed.ts'

/**
 * How the row stands to people, organizations, studies and consents, as a condition on it. The gate asks the same for every request of a
 * caller, so a condition is composed once for rows of the same names, and remembered.
 */
export const compileRelation = (relation: Relation, row: RelatedRow): SqlFragment => {
  const name = nameOf(row)
  if (name === undefined) return composed(relation, row)
  const known = compiled.get(relation) ?? new Map<string, SqlFragment>()
  const condition = known.get(name) ?? composed(relation, row)
  compiled.set(relation, known.set(name, condition))
  return condition
}

const compiled = new WeakMap<Relation, Map<string, SqlFragment>>()

/** All names by which a relation reads the row; undefined if they carry values of their own. */
const nameOf = ({ type, row, facts, codes, sources }: RelatedRow): string | undefined => {
  const names = [row, facts, codes, sources]
  return names.some(({ values }) => values.length > 0) ? undefined : [type, ...names.map(one => one.sql)].join(' ')
}

const composed = (relation: Relation, row: RelatedRow): SqlFragment => {
  switch (relation.kind) {
    case 'consented':
      return compileConsented(relation, row)
    case 'consentable':
      return compileConsentable(relation, row)
    case 'staffed':
      return compileStaffed(relation, row)
    case 'member':
      return compileMember([relation], row)
    case 'same-tenant':
      return compileSameTenant(relation, row)
    case 'invited':
      return compileInvited(relation, row)
    case 'unanswered':
      return compileUnanswered(relation, row)
    case 'known-to':
      return compileKnownTo(relation, row)
    case 'kept':
      return compileKept(relation, row)
    case 'content':
      return compileContent(relation, row)
    case 'of-patients':
      return sql.fragment`${row.facts}.patient_id = ANY(${sql.array([...relation.patients], 'int4')})`
    case 'source-device':
      return sql.fragment`NOT ${row.row}.content ? 'patient'`
    case 'created':
      return isBy(sql.fragment`${row.row}.author`, relation.by)
    case 'written-through':
      return sql.fragment`EXISTS (
        SELECT FROM subscriber AS writer WHERE writer.id = ${row.row}.id AND writer.client_id = ${relation.client})`
  }
}
