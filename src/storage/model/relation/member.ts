import { ownerElements } from '../../../access/owner.ts'
import { rankOf } from '../../../access/vocabulary.ts'
import type { Expression, Member } from '../../../search/expression.ts'
import type { RelatedRow } from '../../row.ts'
import { type SqlFragment, sql, word } from '../../sql.ts'
import { inForce, referencedId } from '../reference.ts'

/**
 * A role in force in the organization that the row names, or above or below it. Several alternatives that are about the same organization
 * are compiled together, so that it is read from the row once.
 */
export const compileMember = ([first, ...others]: readonly [Member, ...Member[]], row: RelatedRow): SqlFragment =>
  compiledBy[first.of]([first, ...others], row)

/**
 * A role may reach down to thousands, so these are hashed: an array would be compared with each row, element by element. `IS TRUE` keeps PostgreSQL from
 * joining them, which would change where it begins.
 */
const isMemberOf = (members: readonly Member[], organization: SqlFragment): SqlFragment => {
  const each = members.map(member => reachedBy[member.reach](heldBy(member)))
  const reached = sql.join(each, sql.fragment` UNION ALL `)
  return members.some(({ reach }) => reach === 'down')
    ? sql.fragment`(${organization} IN (${reached})) IS TRUE`
    : sql.fragment`${organization} = ANY (ARRAY(${reached}))`
}

/** The organizations in which the practitioner has at least that role now. */
const heldBy = ({ role, practitioner }: Member): SqlFragment =>
  role === 'privacy-officer'
    ? sql.fragment`privacy_officer AS held WHERE held.practitioner = ${practitioner} AND ${inForce(sql.fragment`held`)}`
    : sql.fragment`membership AS held
        WHERE held.practitioner = ${practitioner} AND held.rank >= ${word(`${rankOf[role]}`)} AND ${inForce(sql.fragment`held`)}`

/** The organizations that such a role reaches; asked once a statement. */
const reachedBy: Readonly<Record<Member['reach'], (held: SqlFragment) => SqlFragment>> = {
  node: held => sql.fragment`SELECT held.organization FROM ${held}`,
  down: held => sql.fragment`
    SELECT tree.organization FROM organization_ancestor AS tree WHERE tree.ancestor IN (SELECT held.organization FROM ${held})`,
  up: held => sql.fragment`
    SELECT tree.ancestor FROM organization_ancestor AS tree WHERE tree.organization IN (SELECT held.organization FROM ${held})`,
}

const isIn =
  (organization: (row: RelatedRow) => SqlFragment) =>
  (members: readonly Member[], row: RelatedRow): SqlFragment =>
    isMemberOf(members, organization(row))

const compiledBy: Readonly<Record<Member['of'], (members: readonly Member[], row: RelatedRow) => SqlFragment>> = {
  owner: isIn(({ row }) => sql.fragment`${row}.owner`),
  named: isIn(({ type, row }) => referencedId(row, ownerElements[type] ?? '', 'Organization')),
  self: isIn(({ row }) => sql.fragment`${row}.id`),
  parent: isIn(({ row }) => referencedId(row, 'partOf', 'Organization')),
  study: (members, { type, row }) => {
    const study =
      type === 'Consent' ? sql.fragment`consent_study(${row}.content)` : referencedId(row, 'study', 'ResearchStudy')
    return sql.fragment`${study} IN (SELECT study.id FROM study WHERE ${isMemberOf(members, sql.fragment`study.organization`)})`
  },
  person: (members, { row }) => isAccountOf(members, row),
  practitioner: (members, { row }) =>
    sql.fragment`(${isMemberOf(members, sql.fragment`${row}.owner`)} AND ${isOfOwner(row)})`,
  'staffed-study': (members, { row }) => sql.fragment`${row}.id IN (
    SELECT staff.practitioner FROM study_staff AS staff JOIN study ON study.id = staff.study_id
    WHERE ${isMemberOf(members, sql.fragment`study.organization`)})`,
}

/** An account that is linked to practitioners of one's organizations and to nobody else, and that does not administer the installation. */
const isAccountOf = (members: readonly Member[], row: SqlFragment): SqlFragment => sql.fragment`(
  jsonb_array_length(coalesce(${row}.content -> 'link', '[]')) > 0
  AND NOT EXISTS (SELECT FROM user_account AS account WHERE account.person = ${row}.id AND account.administrator)
  AND NOT EXISTS (
    SELECT FROM jsonb_array_elements(${row}.content -> 'link') AS link
    WHERE NOT EXISTS (
      SELECT FROM practitioner
      WHERE practitioner.id = referenced_id(link -> 'target', 'Practitioner')
        AND ${isMemberOf(members, sql.fragment`practitioner.owner`)} AND ${isOfOwner(sql.fragment`practitioner`)})))`

/**
 * No single tenant may change or shut out somebody who also has a role in another, since the role here may have been given without asking them.
 * Studies name staff without asking too: those elsewhere count only for somebody who has nothing here any more.
 */
const isOfOwner = (practitioner: SqlFragment): SqlFragment => sql.fragment`NOT EXISTS (
  SELECT FROM (
    SELECT practitioner, organization, period_start, period_end, TRUE AS is_role FROM membership
    UNION ALL SELECT practitioner, organization, period_start, period_end, TRUE FROM privacy_officer
    UNION ALL SELECT staff.practitioner, study.organization, staff.period_start, staff.period_end, FALSE
      FROM study_staff AS staff JOIN study ON study.id = staff.study_id
  ) AS held
  JOIN organization_node AS node ON node.id = held.organization
  JOIN organization_node AS home ON home.id = ${practitioner}.owner
  WHERE held.practitioner = ${practitioner}.id AND ${inForce(sql.fragment`held`)}
  HAVING bool_or(held.is_role AND node.tenant <> home.tenant) OR bool_and(node.tenant <> home.tenant))`

type SameTenant = Extract<Expression, { kind: 'same-tenant' }>

/** Some membership in force, anywhere in the tenant of the row; a Practitioner is in every tenant in which they work. */
export const compileSameTenant = (
  { practitioner, now }: SameTenant,
  row: RelatedRow,
): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM membership
  JOIN organization_node AS mine ON mine.id = membership.organization
  JOIN organization_node AS node ON node.tenant = mine.tenant
  WHERE membership.practitioner = ${practitioner} AND ${inForce(sql.fragment`membership`)}
    AND ${isAtNode(row, now)})`

const isAtNode = ({ type, row }: RelatedRow, now: SameTenant['now']): SqlFragment => {
  if (type === 'Organization') return sql.fragment`node.id = ${row}.id`
  if (type === 'Practitioner') return now === true ? worksAtNode(row) : hasWorkedAtNode(row)
  return sql.fragment`node.id = ${row}.owner`
}

const hasWorkedAtNode = (practitioner: SqlFragment): SqlFragment =>
  sql.fragment`(node.id = ${practitioner}.owner OR node.id IN (${rolesOf(practitioner)}))`

const worksAtNode = (practitioner: SqlFragment): SqlFragment => {
  const held = sql.fragment`AND ${inForce(sql.fragment`theirs`)}`
  return sql.fragment`(node.id = ${practitioner}.owner AND ${isOfOwner(practitioner)}
    OR node.id IN (${rolesOf(practitioner, held)}))`
}

/** A query of the organizations in which the practitioner has, or had, a role, be it that of a privacy officer. `more`: a condition. */
const rolesOf = (practitioner: SqlFragment, more = sql.fragment``): SqlFragment => sql.fragment`
  SELECT theirs.organization FROM membership AS theirs WHERE theirs.practitioner = ${practitioner}.id ${more}
  UNION ALL SELECT theirs.organization FROM privacy_officer AS theirs WHERE theirs.practitioner = ${practitioner}.id ${more}`
