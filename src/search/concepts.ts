import { FhirError } from '../fhir/error.ts'
import type { Registry } from '../fhir/registry.ts'
import { codesAbove, codesBelow } from '../fhir/terminology/code-system.ts'
import { type Expansion, type FindTerminology, openExpansion } from '../fhir/terminology/expansion.ts'
import type { Expression } from './expression.ts'
import { impliedConcepts } from './implied-system.ts'
import type { Concept, Concepts } from './value.ts'

/** The question, with the codes that its `:in`, `:above` and `:below` mean filled in. Refuses what cannot be listed. */
export const lookUpConcepts = async (
  asked: Expression,
  { registry, terminology }: Terminology,
): Promise<Expression> => {
  if (!asksConcepts(asked)) return asked
  const expansion = openExpansion(terminology)
  let conceptsLeft = mostConcepts
  const answered = async (one: Expression): Promise<Expression> => {
    switch (one.kind) {
      case 'and':
      case 'or':
        return { ...one, of: await inTurn(one.of, answered) }
      case 'not':
      case 'chain':
      case 'has':
        return { ...one, of: await answered(one.of) }
      case 'match': {
        if (one.value.kind !== 'concepts') return one
        const concepts = await conceptsOf(one.parameter.code, one.value.asked, expansion)
        conceptsLeft -= concepts.length
        if (conceptsLeft < 0) throw tooManyConcepts()
        return { ...one, value: { ...one.value, codes: impliedConcepts(registry, one.parameter, concepts) } }
      }
      default:
        return one
    }
  }
  return answered(asked)
}

/** What the caller may read of it. */
export type Terminology = { readonly registry: Registry; readonly terminology: FindTerminology }

/** In all value sets of a search together: all of these codes are sent to the database. */
export const mostConcepts = 50_000

const tooManyConcepts = (): FhirError =>
  new FhirError('too-costly', `The value sets of a search have at most ${mostConcepts} codes in all: ask in parts`, {
    status: 400,
  })

export const asksConcepts = (asked: Expression): boolean => {
  switch (asked.kind) {
    case 'and':
    case 'or':
      return asked.of.some(asksConcepts)
    case 'not':
    case 'chain':
    case 'has':
      return asksConcepts(asked.of)
    case 'match':
      return asked.value.kind === 'concepts'
    default:
      return false
  }
}

/** One after another, since they may share a connection. */
const inTurn = async <One, Other>(list: readonly One[], change: (one: One) => Promise<Other>): Promise<Other[]> => {
  const changed: Other[] = []
  for (const one of list) changed.push(await change(one))
  return changed
}

const conceptsOf = async (parameter: string, asked: Concepts, expansion: Expansion): Promise<readonly Concept[]> => {
  if (asked.by === 'in') {
    const codes = await expansion.codesAt(asked.valueSet)
    if (codes !== undefined) return codes
    throw new FhirError('invalid', `The value set ${asked.valueSet} is not known here`, {
      expression: `${parameter}:in`,
    })
  }
  const { system, code } = asked
  const held = await expansion.system(system)
  return [...(asked.by === 'below' ? codesBelow : codesAbove)(held, code)].map(one => ({ system, code: one }))
}
