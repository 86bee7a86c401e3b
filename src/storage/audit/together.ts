import { shortened } from './asked.ts'
import { kindsOfEach, referenceTo } from './kinds-of-each.ts'
import type { AuditAccess } from './record.ts'
import type { Keep } from './refusal.ts'

/**
 * Everything that was done in one commit, or asked in one question, as one record: undefined if there was nothing; for several accesses, what they
 * have in common.
 */
export const together = (accesses: readonly AuditAccess[]): AuditAccess | undefined => {
  const [first, ...others] = accesses
  if (first === undefined || others.length === 0) return first
  const queries = [...new Set(accesses.flatMap(({ query }) => query ?? []))]
  const subjects = [...new Set(accesses.flatMap(one => one.subjects ?? []))]
  const patients = new Set(accesses.flatMap(one => [...one.patients]))
  const kinds = new Set(accesses.flatMap(one => [...(one.kinds ?? [])]))
  const kindsOf = kindsOfEach({ patients, subjects, kinds }, name => {
    for (const access of accesses)
      for (const [patient, own] of eachOf(access)) for (const kind of own) name(patient, kind)
  })
  return {
    interaction: accesses.every(({ interaction }) => interaction === first.interaction)
      ? first.interaction
      : 'transaction',
    type: [...new Set(accesses.flatMap(({ type }) => type?.split(' ') ?? []))].join(' '),
    patients,
    ...(subjects.length === 0 ? {} : { subjects }),
    ...(queries.length === 0 ? {} : { query: shortened(queries.join('; '), longestTogether) }),
    kinds,
    ...(kindsOf && { kindsOf }),
    outcome: first.outcome,
  }
}

/** Each of them has been shortened already, but a Bundle may have thousands. */
const longestTogether = 4000

/** If the kinds are not told apart, everybody has all of them. */
const eachOf = ({ patients, subjects = [], kinds = [], kindsOf }: AuditAccess): Iterable<Own> =>
  kindsOf ?? [...patients, ...subjects.map(referenceTo)].map((patient): Own => [patient, kinds])

type Own = readonly [patient: number | string, kinds: Iterable<number>]

/** For a question that is asked in parts: one record before any of it is answered. If a part is refused, there is none. */
export const recordedAsOne = async <T>(keep: Keep, run: (gathering: Keep) => Promise<T>): Promise<T> => {
  const gathered: AuditAccess[] = []
  const answer = await run(async access => {
    gathered.push(access)
  })
  const asked = together(gathered)
  if (asked !== undefined) await keep(asked)
  return answer
}
