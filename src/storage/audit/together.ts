import type { AuditAccess } from './record.ts'
import type { Keep } from './refusal.ts'

/** What was done in one commit, or asked in one question, as one: nothing where nothing was, and of several things what they have in common. */
export const together = (accesses: readonly AuditAccess[]): AuditAccess | undefined => {
  const [first, ...others] = accesses
  if (first === undefined || others.length === 0) return first
  const queries = [...new Set(accesses.flatMap(({ query }) => query ?? []))]
  const subjects = [...new Set(accesses.flatMap(one => one.subjects ?? []))]
  return {
    interaction: accesses.every(({ interaction }) => interaction === first.interaction)
      ? first.interaction
      : 'transaction',
    type: [...new Set(accesses.flatMap(({ type }) => type?.split(' ') ?? []))].join(' '),
    patients: new Set(accesses.flatMap(({ patients }) => [...patients])),
    ...(subjects.length === 0 ? {} : { subjects }),
    ...(queries.length === 0 ? {} : { query: queries.join('; ') }),
    kinds: new Set(accesses.flatMap(({ kinds = [] }) => [...kinds])),
    outcome: first.outcome,
  }
}

/** Of a question that is asked in parts, one record before any of it is answered; where a part is refused, none of it is. */
export const recordedAsOne = async <T>(keep: Keep, run: (gathering: Keep) => Promise<T>): Promise<T> => {
  const gathered: AuditAccess[] = []
  const answer = await run(async access => {
    gathered.push(access)
  })
  const asked = together(gathered)
  if (asked !== undefined) await keep(asked)
  return answer
}
