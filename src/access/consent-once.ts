import { and, type Consented, conjuncts, type Expression } from '../search/expression.ts'

/**
 * The same question, without asking whether anything is given to somebody where it is asked whether it is given to a study of theirs, or by one Consent:
 * what is given in the one way is given.
 */
export const consentOnce = (question: Expression): Expression => {
  const parts = conjuncts(question)
  const consents = parts.filter(part => part.kind === 'consented')
  const [first, ...rest] = parts.filter(
    part => part.kind !== 'consented' || !consents.some(other => isNarrower(other, part)),
  )
  return first === undefined || rest.length === parts.length - 1 ? question : and(first, ...rest)
}

const isNarrower = (one: Consented, other: Consented): boolean =>
  isNarrowed(one) &&
  !isNarrowed(other) &&
  one.action === other.action &&
  one.to.kind === other.to.kind &&
  one.to.id === other.to.id

const isNarrowed = ({ study, consent }: Consented): boolean => study !== undefined || consent !== undefined
