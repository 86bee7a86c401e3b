import { isResourceType } from '../definition/resource-type.ts'
import { isJson, report, type Walk, warn } from './walk.ts'

/**
 * Warns of a relative reference to a type that the element does not allow; of other URLs the type is not known.
 * R4's own examples have such (DeviceMetric/example names a DeviceDefinition as its parent), so it is no reason to refuse.
 */
export const referenceTargets = (targets: readonly string[]) => {
  const allowed = new Set(targets)
  return (value: unknown, walk: Walk): void => {
    if (!isJson(value) || typeof value.reference !== 'string') return
    const slash = value.reference.indexOf('/')
    if (slash < 1) return
    const type = value.reference.slice(0, slash)
    if (allowed.has(type) || !isResourceType(type)) return
    warn(walk, 'value', `a ${type} cannot stand here: accepted are references to ${targets.join(', ')}`, 'reference')
  }
}

/** What is a reference is a URL, and no URL has white space. */
export const checkReference = (value: unknown, walk: Walk): void => {
  if (!isJson(value) || typeof value.reference !== 'string' || !whiteSpace.test(value.reference)) return
  report(walk, 'value', 'expected a URL, relative (Patient/1), absolute or of a contained resource (#p1)', 'reference')
}

/** "Both": the type that is said, and the one that the URL has. https://hl7.org/fhir/R4/references-definitions.html#Reference.type */
export const checkReferenceType = (value: unknown, walk: Walk): void => {
  if (!isJson(value) || typeof value.type !== 'string' || typeof value.reference !== 'string') return
  const said = value.type.replace('http://hl7.org/fhir/StructureDefinition/', '')
  const [, type] = restful.exec(value.reference) ?? []
  if (type === undefined || !isResourceType(type) || said === type || said.includes(':')) return
  report(
    walk,
    'value',
    `the reference is to a ${type}, and its type says otherwise: ${type}, or leave type out`,
    'type',
  )
}

const restful = /^(?:https?:\/\/\S+\/)?([A-Z][A-Za-z]*)\/[A-Za-z\d.-]{1,64}(?:\/_history\/[A-Za-z\d.-]{1,64})?$/

const whiteSpace = /\s/
