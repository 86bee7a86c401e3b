import type { Relation } from '../../search/expression.ts'
import type { RowNames } from '../row.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { compileConsentable, compileConsented } from './consented.ts'
import { compileContent } from './content.ts'
import { compileKept } from './kept.ts'
import { compileInvited, compileKnownTo } from './known.ts'
import { compileMember, compileSameTenant } from './member.ts'
import { compileStaffed } from './staffed.ts'

/** How the row stands to people, organizations, studies and consents, as a condition on it. Never NULL where it is TRUE. */
export const compileRelation = (relation: Relation, row: RowNames): SqlFragment => {
  switch (relation.kind) {
    case 'consented':
      return compileConsented(relation, row)
    case 'consentable':
      return compileConsentable(relation, row)
    case 'staffed':
      return compileStaffed(relation, row)
    case 'member':
      return compileMember(relation, row)
    case 'same-tenant':
      return compileSameTenant(relation, row)
    case 'invited':
      return compileInvited(relation, row)
    case 'known-to':
      return compileKnownTo(relation, row)
    case 'kept':
      return compileKept(relation, row)
    case 'content':
      return compileContent(relation, row)
    case 'source-device':
      return sql.fragment`NOT ${row.row}.content ? 'patient'`
    case 'created':
      return sql.fragment`${row.row}.author = (
        SELECT author FROM principal WHERE principal.kind = ${relation.by.kind} AND principal.id = ${relation.by.id})`
  }
}
