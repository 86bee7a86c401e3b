import { isResourceType } from '../definition/resource-type.ts'
import { parseReference } from '../reference.ts'
import { isJson, report, type Walk, warn } from './walk.ts'

/**
 * Warns about a relative reference to a type that the element does not allow; for other URLs, the type is not known. R4's own examples have such
 * references (DeviceMetric/example names a DeviceDefinition as its parent), so they are not refused.
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

/**
 * A reference is a URL: relative, with a type of R4 and an id, absolute, of a contained resource, or of criteria that a transaction looks up.
 * Anything else would be about nobody. https://hl7.org/fhir/R4/references.html#literal
 */
export const checkReference = (value: unknown, walk: Walk): void => {
  if (!isJson(value) || typeof value.reference !== 'string') return
  const { reference } = value
  if (reference === '' || isReference(reference)) return
  const message =
    beginsRelative(reference) && !whiteSpace.test(reference)
      ? `in a relative reference, ${referenceRule}`
      : 'expected a URL, relative with a type of R4 (Patient/1), absolute (https://…, urn:uuid:…) or of a contained resource (#p1)'
  report(walk, 'value', message, 'reference')
}

/** Whether it can name anything at all. */
export const isReference = (text: string): boolean => !whiteSpace.test(text) && parseReference(text) !== undefined

export const referenceRule =
  'a type is followed by an id of 1 to 64 letters, digits, - and . (Patient/1), with or without a version (Patient/1/_history/2)'

/** Whether it begins with the name of a type and a slash. */
export const beginsRelative = (reference: string): boolean => {
  const slash = reference.indexOf('/')
  return slash > 0 && isResourceType(reference.slice(0, slash))
}

/** "Both" must agree: the type that is stated, and the one in the URL. https://hl7.org/fhir/R4/references-definitions.html#Reference.type */
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
