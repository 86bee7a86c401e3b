import type { PractitionerRole } from '@medplum/fhirtypes'
import { organizationRole, rankOf } from '../../access/vocabulary.ts'
import { intervalOfPeriod } from '../../fhir/date.ts'
import { sql } from '../sql.ts'
import { each, namedId } from './projection.ts'

/** A PractitionerRole with one of our roles is a membership; with several, the highest counts. */
export const projectMemberships = each<PractitionerRole>(async (connection, { id, resource }) => {
  await connection.run(sql.fragment`DELETE FROM membership WHERE id = ${id}`)
  const membership = resource && membershipOf(resource)
  if (membership === undefined) return
  const { practitioner, organization, rank, low, high } = membership
  await connection.run(sql.fragment`
    INSERT INTO membership (id, practitioner, organization, rank, period_start, period_end)
    VALUES (${id}, ${practitioner}, ${organization}, ${rank}, ${low}, ${high})`)
})

const membershipOf = ({ active, practitioner, organization, code = [], period }: PractitionerRole) => {
  const ids = {
    practitioner: namedId(practitioner, 'Practitioner'),
    organization: namedId(organization, 'Organization'),
  }
  const rank = Math.max(0, ...code.flatMap(({ coding = [] }) => coding.map(rankOfCoding)))
  if (active === false || rank === 0 || ids.practitioner === undefined || ids.organization === undefined)
    return undefined
  return { practitioner: ids.practitioner, organization: ids.organization, rank, ...intervalOfPeriod(period ?? {}) }
}

const rankOfCoding = ({ system, code }: { readonly system?: string; readonly code?: string }): number =>
  system === organizationRole && isRole(code) ? rankOf[code] : 0

const isRole = (code: string | undefined): code is keyof typeof rankOf =>
  code !== undefined && Object.hasOwn(rankOf, code)
