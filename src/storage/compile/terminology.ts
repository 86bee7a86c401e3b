import type { CodeSystem, ValueSet } from '@medplum/fhirtypes'
import { kindValueSets } from '../../fhir/measured/kind-value-set.ts'
import type { Registry } from '../../fhir/registry.ts'
import type { FindTerminology } from '../../fhir/terminology/expansion.ts'
import { findPublished, type TerminologyType } from '../../fhir/terminology/published.ts'
import { lookUpConcepts } from '../../search/concepts.ts'
import { and, type Expression, none } from '../../search/expression.ts'
import type { Value } from '../../search/value.ts'
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

/** The same search, with the codes that its questions about terminology stand for. */
export const lookedUp = async <Asked extends { readonly where: Expression }>(
  connection: Connection,
  asking: Asking,
  asked: Asked,
): Promise<Asked> => {
  const { registry } = asking
  return {
    ...asked,
    where: await lookUpConcepts(asked.where, { registry, terminology: terminologyFor(connection, asking) }),
  }
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
