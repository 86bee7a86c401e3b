import type { Field } from './object.ts'
import { report, type Walk } from './walk.ts'

/** "The value of the id SHALL be unique within the resource containing it": https://hl7.org/fhir/R4/element.html#id */
export const keepIdsApart = (fields: Map<string, Field>): void => {
  const field = fields.get('id')
  if (field === undefined) return
  const check: Field['check'] = (value, walk, parent) => {
    field.check(value, walk, parent)
    if (typeof value === 'string') noteId(value, walk)
  }
  fields.set('id', { ...field, check })
}

/** A StructureDefinition has its elements twice, in the snapshot and in the differential, and R4's own have the same ids in both. */
const noteId = (id: string, walk: Walk): void => {
  if (walk.resource.resourceType === 'StructureDefinition') return
  walk.elementIds ??= new Set()
  if (walk.elementIds.has(id))
    report(walk, 'value', `another element of the resource has the id ${id.slice(0, 64)}: each has its own`, 'id')
  walk.elementIds.add(id)
}
