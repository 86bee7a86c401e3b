import type { ResourceType } from '@medplum/fhirtypes'
import { rankOf } from '../../../access/vocabulary.ts'
import type { Expression, Member } from '../../../search/expression.ts'
import type { RelatedRow } from '../../row.ts'
import { type SqlFragment, sql, word } from '../../sql.ts'
import { inForce, referencedId } from '../reference.ts'

/**
 * A membership in force in the organization that the row names, or above or below it: by one of several that ask of the same
 * organization, so that it is looked up in the row once.
 */
export const compileMember = ([first, ...others]: readonly [Member, ...Member[]], row: RelatedRow): SqlFragment =>
  compiledBy[first.of]([first, ...others], row)

const isMemberOf = (members: readonly Member[], organization: SqlFragment): SqlFragment => {
  const reached = members.map(member => reachedBy[member.reach](heldBy(member)))
  return sql.fragment`${organization} = ANY (ARRAY(${sql.join(reached, sql.fragment` UNION ALL `)}))`
}

/** The organizations in which the practitioner has at least that role now. */
const heldBy = ({ role, practitioner }: Member): SqlFragment =>
  role === 'privacy-officer'
    ? sql.fragment`privacy_officer AS held WHERE held.practitioner = ${practitioner} AND ${inForce(sql.fragment`held`)}`
    : sql.fragment`membership AS held
        WHERE held.practitioner = ${practitioner} AND held.rank >= ${word(`${rankOf[role]}`)} AND ${inForce(sql.fragment`held`)}`

/** Those themselves, all that are part of them, all that they are part of; asked once a statement. */
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
  named: isIn(({ type, row }) => referencedId(row, elementByType[type] ?? '', 'Organization')),
  self: isIn(({ row }) => sql.fragment`${row}.id`),
  parent: isIn(({ row }) => referencedId(row, 'partOf', 'Organization')),
  study: isIn(({ type, row }) => {
    const study =
      type === 'Consent' ? sql.fragment`consent_study(${row}.content)` : referencedId(row, 'study', 'ResearchStudy')
    return sql.fragment`(SELECT study.organization FROM study WHERE study.id = ${study})`
  }),
  person: (members, { row }) => isAccountOf(members, row),
  practitioner: (members, { row }) =>
    sql.fragment`(${isMemberOf(members, sql.fragment`${row}.owner`)} AND ${isOfOwner(row)})`,
  'staffed-study': (members, { row }) => sql.fragment`${row}.id IN (
    SELECT staff.practitioner FROM study_staff AS staff JOIN study ON study.id = staff.study_id
    WHERE ${isMemberOf(members, sql.fragment`study.organization`)})`,
}

/** What a later version may name anew, and then has to be one's own again; the owner never changes. */
const elementByType: Readonly<Partial<Record<ResourceType, string>>> = {
  PractitionerRole: 'organization',
  ResearchStudy: 'sponsor',
  Group: 'managingEntity',
  Patient: 'managingOrganization',
}

/** An account that is linked to practitioners of one's organizations, and to nobody else; none that administers the installation. */
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
 * Whoever has a role in another tenant is not one tenant's to change or to shut out, though they have one here as well: it may have been given
 * without asking them. A study elsewhere names people without asking either, and counts where no role is left here.
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

/** Some membership in force, anywhere in the tenant of the row; a practitioner is in every tenant that they work in. */
export const compileSameTenant = (
  { practitioner, now }: Extract<Expression, { kind: 'same-tenant' }>,
  { type, row }: RelatedRow,
): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM membership
  JOIN organization_node AS mine ON mine.id = membership.organization
  JOIN organization_node AS node ON node.tenant = mine.tenant
  WHERE membership.practitioner = ${practitioner} AND ${inForce(sql.fragment`membership`)}
    AND ${type === 'Organization' ? sql.fragment`node.id = ${row}.id` : worksIn(type === 'Practitioner', row, now)})`

const worksIn = (practitioner: boolean, row: SqlFragment, now: true | undefined): SqlFragment => {
  if (!practitioner) return sql.fragment`node.id = ${row}.owner`
  const of = sql.fragment`WHERE theirs.practitioner = ${row}.id`
  const roles = sql.fragment`SELECT theirs.organization FROM membership AS theirs ${of}`
  if (!now) return sql.fragment`(node.id = ${row}.owner OR node.id IN (${roles}))`
  const held = sql.fragment`AND ${inForce(sql.fragment`theirs`)}`
  return sql.fragment`(node.id = ${row}.owner AND ${isOfOwner(row)} OR node.id IN (
    ${roles} ${held} UNION ALL SELECT theirs.organization FROM privacy_officer AS theirs ${of} ${held}))`
}
