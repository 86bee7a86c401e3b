import type { AuditAccess } from './record.ts'

/** What was done in one commit, as one: nothing where nothing was, and of several things what they have in common. */
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
