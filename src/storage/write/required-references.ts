import type { Resource, ResourceType } from '@medplum/fhirtypes'
import { FhirError, type Issue } from '../../fhir/error.ts'
import { isNumber } from '../../fhir/json.ts'
import { parseReference } from '../../fhir/reference.ts'
import { passesGate } from '../compile/gate.ts'
import type { Asking } from '../current.ts'
import type { Connection } from '../database.ts'
import { tableOf } from '../row.ts'
import { sql } from '../sql.ts'
import type { Write } from '../store.ts'

/** What a resource refers to on this server. */
type Referred = { readonly type: ResourceType; readonly id: string; readonly text: string; readonly path: string }

/**
 * For each resource why it cannot be written, if it refers to something that is not here or that the caller may not read; the two look the same.
 * `beside`: what the same transaction writes, such as `Patient/1`.
 */
export const missingReferences = async (
  connection: Connection,
  asking: Asking,
  base: string,
  resources: readonly (Resource | undefined)[],
  beside: ReadonlySet<string>,
): Promise<readonly (FhirError | undefined)[]> => {
  const referred = resources.map(resource => (resource === undefined ? [] : referencesOf(resource, base)))
  const asked = referred.flat().filter(({ type, id }) => !beside.has(`${type}/${id}`))
  const known = new Set(beside)
  for (const [type, ofType] of Map.groupBy(asked, one => one.type)) {
    const ids = [...new Set(ofType.map(({ id }) => id))]
    for (const id of await readableIds(connection, asking, type, ids)) known.add(`${type}/${id}`)
  }
  return referred.map(ofOne => {
    const [first, ...others] = ofOne.filter(({ type, id }) => !known.has(`${type}/${id}`)).map(toIssue)
    return first === undefined ? undefined : FhirError.of([first, ...others], { status: 422 })
  })
}

const toIssue = ({ text, path }: Referred): Issue => ({
  code: 'business-rule',
  message: `${text} is not known here`,
  expression: path,
})

const readableIds = async (
  connection: Connection,
  asking: Asking,
  type: ResourceType,
  ids: readonly string[],
): Promise<readonly string[]> => {
  const readable = passesGate(asking, 'r', type, 'row')
  const rows = await connection.any<{ id: string }>(sql.fragment`
    SELECT identity.id FROM resource_identity AS identity
    JOIN ${tableOf(type)} AS row ON row.patient_id = identity.patient_id AND row.pk = identity.pk
    WHERE identity.type_id = ${asking.typeId(type)} AND identity.id = ANY(${sql.array([...ids], 'text')}) AND ${readable}`)
  return rows.map(({ id }) => id)
}

/** Literal references. If one names a version, only the resource must be there. */
const referencesOf = (resource: Resource, base: string): readonly Referred[] =>
  referencesIn(resource, resource.resourceType, base)

const referencesIn = (value: unknown, path: string, base: string): readonly Referred[] => {
  if (Array.isArray(value)) return value.flatMap((item, index) => referencesIn(item, `${path}[${index}]`, base))
  if (typeof value !== 'object' || value === null || isNumber(value)) return []
  return Object.entries(value).flatMap(([name, child]) =>
    name === 'reference' && typeof child === 'string'
      ? localReference(child, path, base)
      : referencesIn(child, `${path}.${name}`, base),
  )
}

const localReference = (text: string, path: string, base: string): readonly Referred[] => {
  const parsed = parseReference(text, base)
  return parsed !== undefined && 'type' in parsed ? [{ type: parsed.type, id: parsed.id, text, path }] : []
}

/** The content that a write brings; without the device, since apps upload data of devices that nobody has registered. */
export const contentOf = (write: Write): Resource | undefined => {
  if (write.kind !== 'create' && write.kind !== 'update') return undefined
  if (write.kind === 'update' || write.uploadKey === undefined) return referring(write.resource)
  const { device: _, ...rest } = write.resource as Resource & { readonly device?: unknown }
  return rest as Resource
}

/** What of it its writer must be able to read. Which Consent a place in a study names is said by the server, and sent back by whoever read it there. */
export const referring = (resource: Resource): Resource => {
  if (resource.resourceType !== 'ResearchSubject') return resource
  const { consent: _, ...rest } = resource
  return rest
}
