import type { Coding, Meta, ResourceType } from '@medplum/fhirtypes'
import { type Gate, passesGate } from '../compile/gate.ts'
import type { Connection } from '../database.ts'
import { tableOf } from '../row.ts'
import { sql } from '../sql.ts'

/** Everything in the `meta` of the resources that the caller may search, each once, without versions and times. */
export const readMeta = async (connection: Connection, gate: Gate, types: readonly ResourceType[]): Promise<Meta> => {
  const [first, ...others] = types.map(type => labelsOf(type, gate))
  if (first === undefined) return {}
  const labels = await connection.any<Label>(
    sql.fragment`${sql.join([first, ...others], sql.fragment` UNION `)} ORDER BY 1, 2`,
  )
  const profile = labels.flatMap(({ name, value }) => (name === 'profile' && typeof value === 'string' ? [value] : []))
  return {
    ...(profile.length === 0 ? {} : { profile }),
    ...codings('security', labels),
    ...codings('tag', labels),
  }
}

type Label = { readonly name: 'profile' | 'security' | 'tag'; readonly value: string | Coding }

const labelsOf = (type: ResourceType, gate: Gate) => sql.fragment`
  SELECT DISTINCT label.name, label.value FROM ${tableOf(type)} AS row,
    LATERAL (
      SELECT 'profile' AS name, jsonb_path_query(row.content, '$.meta.profile[*]') AS value
      UNION ALL SELECT 'security', jsonb_path_query(row.content, '$.meta.security[*]')
      UNION ALL SELECT 'tag', jsonb_path_query(row.content, '$.meta.tag[*]')
    ) AS label
  WHERE ${passesGate(gate, 's', type, 'row')}`

const codings = (name: 'security' | 'tag', labels: readonly Label[]): Meta => {
  const found = labels.flatMap(label => (label.name === name && typeof label.value === 'object' ? [label.value] : []))
  return found.length === 0 ? {} : { [name]: found }
}
