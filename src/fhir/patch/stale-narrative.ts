import { FhirError } from '../error.ts'
import { isObject, jsonText } from '../json.ts'
import { isSame } from './same.ts'

/**
 * "The server SHALL ensure that the narrative in a resource is not clinically unsafe after the PATCH operation is performed":
 * https://hl7.org/fhir/R4/http.html#patch. A narrative that was made from elements that have changed is removed. If it says more than the
 * elements, whoever sends the patch must decide: throws FhirError, 422.
 */
export const withoutStaleNarrative = (body: unknown, before: unknown, after: unknown): unknown => {
  if (!isObject(after) || !isObject(after.text) || !isObject(before)) return after
  if (bringsNarrative(body) || !isSame(divOf(before), divOf(after)) || isSame(told(before), told(after))) return after
  const kept = withoutMadeNarrative(before, after)
  if ('text' in kept) throw new FhirError('business-rule', stale, { expression: `${String(after.resourceType)}.text` })
  return kept
}

/** Without the narrative, if it was made from the elements alone and these have changed. */
export const withoutMadeNarrative = <R extends object>(before: object, after: R): R => {
  const { text, ...others } = after as Json
  const isMade = isObject(text) && (text.status === 'generated' || text.status === 'extensions')
  return isMade && !isSame(told(before as Json), told(after as Json)) ? (others as R) : after
}

type Json = Readonly<Record<string, unknown>>

const stale =
  'After this patch the narrative may say what is no longer so, and by its status it is not made from the elements alone: ' +
  'change it in the same patch (text.div, or text as a whole), or take text out'

const divOf = ({ text }: Json): unknown => (isObject(text) ? text.div : undefined)

/** Everything that a narrative may be about. */
const told = ({ text, meta, ...others }: Json): unknown => others

/** Whether an operation sends a narrative, even if it is the same again. */
const bringsNarrative = (body: unknown): boolean =>
  Array.isArray(body)
    ? body.some(one => isObject(one) && bringing.has(one.op) && narrativePointers.has(one.path))
    : isObject(body) && Array.isArray(body.parameter) && body.parameter.some(isFhirpathOfNarrative)

const bringing: ReadonlySet<unknown> = new Set(['add', 'replace', 'copy', 'move'])
const narrativePointers: ReadonlySet<unknown> = new Set(['', '/text', '/text/div'])

const isFhirpathOfNarrative = ({ part }: { readonly part?: unknown }): boolean => {
  const parts = new Map((Array.isArray(part) ? part : []).filter(isObject).map(one => [one.name, one]))
  const path = jsonText(parts.get('path')?.valueString)
  if (parts.get('type')?.valueCode === 'add')
    return /^[A-Z]\w*$/.test(path) && parts.get('name')?.valueString === 'text'
  return parts.get('type')?.valueCode === 'replace' && /^(?:[A-Z]\w*\.)?text(?:\.div)?$/.test(path)
}
