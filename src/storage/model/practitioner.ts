import type { Practitioner } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { each } from './projection.ts'

/**
 * Nobody is deleted who can still come in: their account and their roles would go on, but managers would find neither to end them, and patients
 * would no longer learn who reads. To be called while nobody else writes.
 */
export const projectPractitioners = each<Practitioner>(async (connection, { id, resource }) => {
  if (resource !== undefined) return
  for (const [what, from] of accessOf(id))
    if ((await connection.maybeOne(sql.fragment`SELECT FROM ${from} LIMIT 1`)) !== undefined)
      throw new FhirError(
        'conflict',
        `The practitioner has ${what} first. Otherwise it would go on, and nobody could find it to end it`,
      )
})

type Access = readonly [what: string, from: SqlFragment]

const accessOf = (id: string): readonly Access[] => [
  ['an account: its Person is deleted', sql.fragment`person_practitioner WHERE practitioner = ${id}`],
  ['a role: it is ended', sql.fragment`membership WHERE practitioner = ${id} AND period_end > now()`],
  ['a role: it is ended', sql.fragment`privacy_officer WHERE practitioner = ${id} AND period_end > now()`],
]
