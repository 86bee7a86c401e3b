import type { PractitionerRole } from '@medplum/fhirtypes'
import { organizationRole, privacyOfficer, rankOf } from '../../access/vocabulary.ts'
import { intervalOfPeriod } from '../../fhir/date.ts'
import { namedId } from '../../fhir/reference.ts'
import { sql } from '../sql.ts'
import { each } from './projection.ts'

/** A PractitionerRole with one of our roles is a membership; of several roles the highest counts. That of a privacy officer alone is none. */
export const projectMemberships = each<PractitionerRole>(async (connection, { id, resource }) => {
  await connection.run(sql.fragment`DELETE FROM membership WHERE id = ${id}`)
  await connection.run(sql.fragment`DELETE FROM privacy_officer WHERE id = ${id}`)
  const held = resource && heldBy(resource)
  if (held === undefined) return
  const { practitioner, organization, codes, low, high } = held
  const rank = Math.max(0, ...codes.map(code => (isRole(code) ? rankOf[code] : 0)))
  if (rank > 0)
    await connection.run(sql.fragment`
      INSERT INTO membership (id, practitioner, organization, rank, period_start, period_end)
      VALUES (${id}, ${practitioner}, ${organization}, ${rank}, ${low}, ${high})`)
  if (codes.includes(privacyOfficer))
    await connection.run(sql.fragment`
      INSERT INTO privacy_officer (id, practitioner, organization, period_start, period_end)
      VALUES (${id}, ${practitioner}, ${organization}, ${low}, ${high})`)
})

const heldBy = ({ active, practitioner, organization, code = [], period }: PractitionerRole) => {
  const ids = {
    practitioner: namedId(practitioner, 'Practitioner'),
    organization: namedId(organization, 'Organization'),
  }
  if (active === false || ids.practitioner === undefined || ids.organization === undefined) return undefined
  const codings = code.flatMap(({ coding = [] }) => coding)
  const codes = codings.flatMap(({ system, code }) => (system === organizationRole && code !== undefined ? [code] : []))
  return { practitioner: ids.practitioner, organization: ids.organization, codes, ...intervalOfPeriod(period ?? {}) }
}

const isRole = (code: string): code is keyof typeof rankOf => Object.hasOwn(rankOf, code)
