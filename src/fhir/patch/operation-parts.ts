import { FhirError } from '../error.ts'
import { isObject, jsonText } from '../json.ts'
import type { Json } from './location.ts'

/** What is passed over would be carried out otherwise than it was meant. */
export const partsOf = (sent: readonly unknown[], index: number): ReadonlyMap<string, Json> => {
  const parts = new Map<string, Json>()
  for (const [place, part] of sent.entries()) {
    const { name } = isObject(part) ? part : {}
    const refuse = (why: string) =>
      malformed(`Operation ${index} of the patch: ${why}`, `parameter[${index}].part[${place}]`)
    const known = partNames.find(one => one === name)
    if (!isObject(part) || known === undefined) throw refuse(`its parts are ${partNames.join(', ')}`)
    if (parts.has(known)) throw refuse(`it has more than one ${known}`)
    const values = Object.keys(part).filter(key => /^value[A-Z]/.test(key))
    if (values.length > 1) throw refuse(`its ${known} is one value, not ${values.join(' and ')}`)
    parts.set(known, part)
  }
  const type = jsonText(parts.get('type')?.valueCode)
  const taken = partsByType.get(type)
  const place = [...parts.keys()].findIndex(name => taken?.includes(name) === false)
  if (taken === undefined || place < 0) return parts
  const message = `Operation ${index} of the patch: the parts of ${type} are ${taken.join(', ')}`
  throw malformed(message, `parameter[${index}].part[${place}]`)
}

const partNames = ['type', 'path', 'name', 'value', 'index', 'source', 'destination'] as const

/** https://hl7.org/fhir/R4/fhirpatch.html, "Overview" */
const partsByType: ReadonlyMap<string, readonly string[]> = new Map([
  ['add', ['type', 'path', 'name', 'value']],
  ['insert', ['type', 'path', 'value', 'index']],
  ['delete', ['type', 'path']],
  ['replace', ['type', 'path', 'value']],
  ['move', ['type', 'path', 'source', 'destination']],
])

export const malformed = (message: string, below: string) =>
  new FhirError('structure', message, { expression: `Parameters.${below}` })
