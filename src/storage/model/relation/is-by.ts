import type { Principal } from '../../../search/expression.ts'
import { type SqlFragment, sql } from '../../sql.ts'

/** The author of a row is this principal; for a Patient also any app of theirs that nobody has confirmed, unless one of these is meant. */
export const isBy = (author: SqlFragment, principal: Principal): SqlFragment =>
  sql.fragment`${author} = ANY (ARRAY(${authorsOf(principal)}))`

const authorsOf = ({ kind, id, app }: Principal): SqlFragment => sql.fragment`
  SELECT principal.author FROM principal
  WHERE principal.kind = ${kind} AND principal.id = ${app === undefined ? id : `${id} ${app}`}
  ${kind === 'patient' && app === undefined ? appsOf(id) : sql.fragment``}`

const appsOf = (patient: string): SqlFragment => sql.fragment`UNION ALL
  SELECT principal.author FROM authorization_grant AS given
  JOIN principal ON principal.kind = 'patient' AND principal.id = given.patient_id || ' ' || given.id
  WHERE given.patient_id = ${patient} AND given.person_id IS NULL`
