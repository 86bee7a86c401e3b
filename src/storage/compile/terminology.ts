import type { CodeSystem, ValueSet } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import { kindValueSets } from '../../fhir/measured/kind-value-set.ts'
import type { Registry } from '../../fhir/registry.ts'
import { codesAbove, codesBelow } from '../../fhir/terminology/code-system.ts'
import { type Expansion, type FindTerminology, openExpansion } from '../../fhir/terminology/expansion.ts'
import { findPublished, type TerminologyType } from '../../fhir/terminology/published.ts'
import { and, type Expression, none } from '../../search/expression.ts'
import { impliedConcepts } from '../../search/implied-system.ts'
import type { Concept, Concepts, Value } from '../../search/value.ts'
import type { Connection } from '../database.ts'
import { tableOf } from '../row.ts'
import { sql } from '../sql.ts'
import { type Gate, passesGate } from './gate.ts'

type Asking = Gate & { readonly registry: Registry }

/** Value sets and code systems for one caller: those stored here that they may read, then those that we publish, then those of R4. */
export const terminologyFor = (connection: Connection, asking: Asking): FindTerminology => ({
  valueSet: async canonical => (await find(connection, asking, 'ValueSet', canonical)) as ValueSet | undefined,
  codeSystem: async canonical => (await find(connection, asking, 'CodeSystem', canonical)) as CodeSystem | undefined,
})

/** The question, with the codes that its `:in`, `:above` and `:below` mean filled in. Refuses what cannot be listed. */
export const lookUpConcepts = async (
  connection: Connection,
  asking: Asking,
  asked: Expression,
): Promise<Expression> => {
  if (!asksConcepts(asked)) return asked
  const expansion = openExpansion(terminologyFor(connection, asking))
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
        return { ...one, value: { ...one.value, codes: impliedConcepts(asking.registry, one.parameter, concepts) } }
      }
      default:
        return one
    }
  }
  return answered(asked)
}

/** In all value sets of a search together: all of these codes are sent to the database. */
const mostConcepts = 50_000

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

const find = async (
  connection: Connection,
  asking: Asking,
  type: TerminologyType,
  canonical: string,
): Promise<unknown> => {
  const [url = '', version] = canonical.split('|')
  const stored = await findStored(connection, asking, { type, url, version })
  if (stored !== undefined) return stored
  const published = (ours(asking, type).find(one => one.url === url) ?? findPublished(type, url)) as
    | Published
    | undefined
  return version === undefined || published?.version === version ? published : undefined
}

type Published = { readonly url?: string; readonly version?: string }

const ours = ({ registry, classes }: Asking, type: TerminologyType): readonly Published[] => [
  ...registry.definitions(type),
  ...(type === 'ValueSet' ? kindValueSets(classes) : []),
]

type Named = { readonly type: TerminologyType; readonly url: string; readonly version: string | undefined }

/** The newest with that URL, or the one of that `Type/id`. */
const findStored = async (connection: Connection, asking: Asking, { type, url, version }: Named): Promise<unknown> => {
  const match = (code: string, value: Value): Expression => {
    const parameter = asking.registry.searchParameter(type, code)
    return parameter === undefined ? none : { kind: 'match', parameter, value }
  }
  const named: Expression = url.startsWith(`${type}/`)
    ? { kind: 'identified', ids: [url.slice(type.length + 1)] }
    : match('url', { kind: 'uri', uri: url })
  const asked = version === undefined ? named : and(named, match('version', { kind: 'token', code: version }))
  const row = await connection.maybeOne<{ content: unknown }>(sql.fragment`
    SELECT row.content FROM ${tableOf(type)} AS row
    WHERE ${passesGate(asking, 'r', type, 'row', asked)}
    ORDER BY row.last_updated DESC, row.pk DESC LIMIT 1`)
  return row?.content
}
