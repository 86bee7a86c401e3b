import type { ResourceType } from '@medplum/fhirtypes'
import { isInCompartments } from '../../access/patient-compartment.ts'
import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import { all, and, type Expression } from '../../search/expression.ts'
import type { Value } from '../../search/value.ts'
import type { RowsAsked } from '../search/rows-asked.ts'

/** `isBound`: whatever is answered belongs to these; `isOwn`: they are themselves what is searched. */
export type Naming = RowsAsked & { readonly isBound: boolean; readonly isOwn: boolean }

/**
 * Whom a question is about, whatever the answer is: everybody who is named by id, by a reference, or by what tells people and their things apart
 * (names, addresses, identifiers), wherever in the question, even negated or as one of several; and everybody to whom it leads from something that
 * belongs to no patient.
 */
export const askedAbout = (type: ResourceType, question: Expression): readonly Naming[] =>
  namings({ type, from: all, isBound: true, isOwn: true }, question)

/** The place of a part of a question: the type of the row there, and what leads to it from outside. */
type Place = Pick<Naming, 'type' | 'isBound' | 'isOwn'> & { readonly from: Expression }

const namings = (at: Place, question: Expression): readonly Naming[] => {
  switch (question.kind) {
    case 'and': {
      const from = and(at.from, ...question.of.filter(isPlain).slice(0, mostConditions))
      return question.of.flatMap(one => namings({ ...at, from }, one))
    }
    case 'or': {
      const isBound = at.isBound && isOneChain(question.of)
      return question.of.flatMap(one => namings({ ...at, isBound }, one))
    }
    case 'not':
      return namings({ ...at, isBound: false }, question.of)
    case 'match':
      return namedByMatch(at, question)
    case 'compartment':
      return named(at, 'Patient', [question.id])
    case 'identified':
      return named(at, at.type, question.ids)
    case 'there':
      return [...named(at, question.type, [question.id]), ...namings(elsewhere(at, question.type), question.of)]
    case 'hierarchy':
      return named({ ...at, isOwn: false }, question.target, [question.id])
    case 'listed':
      return [...rows(at, question), ...namings(elsewhere(at, 'List'), question.by)]
    case 'chain': {
      const { parameter, target, of } = question
      return linked(at, target, { kind: 'has', source: at.type, parameter, of: at.from }, of)
    }
    case 'has': {
      const { parameter, source, of } = question
      return linked(at, source, { kind: 'chain', parameter, target: at.type, of: at.from }, of)
    }
    default:
      return []
  }
}

/** Says which row it is, without leading anywhere else. */
const isPlain = ({ kind }: Expression): boolean => kind === 'match' || kind === 'identified' || kind === 'listed'

/** More of them would only narrow down whom it leads to, and each part of the question repeats them. */
const mostConditions = 50

/** `subject.name`: the same for each type to which it may lead. */
const isOneChain = (of: readonly Expression[]): boolean =>
  new Set(of.flatMap(one => (one.kind === 'chain' ? [one.target] : []))).size === of.length

const elsewhere = ({ isBound }: Place, type: ResourceType, from: Expression = all): Place => ({
  type,
  from,
  isBound,
  isOwn: false,
})

const linked = (at: Place, type: ResourceType, from: Expression, of: Expression): readonly Naming[] => {
  const there = elsewhere(at, type, from)
  const found = namings({ ...there, isBound: true }, of)
  const isClear = isOfPatients(at.type) || found.some(isOne)
  const reached = isClear ? [] : rows({ ...there, isBound: false }, from)
  return [...reached, ...found.map(one => ({ ...one, isBound: one.isBound && at.isBound }))]
}

/** What is answered belongs to this one alone, who is named by id, so it does not matter to whom else the question leads. */
const isOne = ({ isBound, ids }: Naming): boolean => isBound && ids !== undefined

const namedByMatch = (at: Place, match: Extract<Expression, { kind: 'match' }>): readonly Naming[] => {
  const { parameter } = match
  if (match.value.kind === 'unequal')
    return namedByMatch({ ...at, isBound: false }, { ...match, value: match.value.to })
  const { value } = match
  if (value.kind === 'reference') return namedByReference(at, parameter, value)
  if (parameter.code === '_id' && value.kind === 'token')
    return value.code === undefined ? [] : named(at, at.type, [value.code])
  return tellsApart(parameter, value) ? rows(at, match) : []
}

/** A bare id may be that of any type to which the parameter leads. */
const namedByReference = (
  at: Place,
  { code, targets }: SearchParameter,
  { type, id }: Extract<Value, { kind: 'reference' }>,
): readonly Naming[] => {
  const possible = targets.length === 0 ? (['Patient'] as const) : targets
  const isOwn = at.isOwn && (code === 'patient' || code === 'subject')
  const types = type === undefined ? possible : [type as ResourceType]
  return types.flatMap(one => named({ ...at, isOwn: isOwn && one === 'Patient' }, one, [id]))
}

const named = (at: Place, type: ResourceType, ids: readonly string[]): readonly Naming[] =>
  rows({ ...at, type, isBound: at.isBound && ids.length === 1 }, { kind: 'identified', ids }, ids)

const rows = ({ type, isBound, isOwn }: Place, where: Expression, ids?: readonly string[]): readonly Naming[] =>
  isOfPatients(type) ? [{ type, where, isBound, isOwn, ...(ids && { ids }) }] : []

const isOfPatients = (type: ResourceType): boolean => isInCompartments(type) || type === 'Provenance'

/** A date or a code does not identify anybody; a name, an address or an identifier does. */
const tellsApart = ({ base, type, paths, code }: SearchParameter, value: Value): boolean =>
  code === '_id' ||
  telling.has(value.kind) ||
  (type === 'string' && people.has(base)) ||
  (type === 'token' && paths.some(({ datatype }) => apart.has(datatype)))

const telling: ReadonlySet<string> = new Set(['identifier', 'of-type', 'words'])

const people: ReadonlySet<string> = new Set(['Patient', 'RelatedPerson'])

const apart: ReadonlySet<string> = new Set(['Identifier', 'ContactPoint'])
