import type { Resource } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import { parseReference } from '../../fhir/reference.ts'
import { beginsRelative, referenceRule } from '../../fhir/validate/reference-target.ts'

/**
 * The resource as it is stored: references by this server's address, `base`, become relative ones, and so are found like these. Throws FhirError
 * for one without an id, and for a conditional reference, since these are looked up in transactions alone. Copies only what changes.
 * https://hl7.org/fhir/R4/references.html#literal, https://hl7.org/fhir/R4/http.html#trules
 */
export const withOwnReferences = <Sent extends Resource>(resource: Sent, base: string): Sent =>
  settled(resource, { own: `${base}/`, resource }) as Sent

type Here = { readonly own: string; readonly resource: Resource }

const settled = (value: object, here: Here): object => {
  if (Array.isArray(value)) return settledList(value, here)
  // References inside a Bundle go by the fullUrls of its entries.
  if ('resourceType' in value && value.resourceType === 'Bundle') return value
  let copy: Record<string, unknown> | undefined
  for (const name in value) {
    const child = (value as Record<string, unknown>)[name]
    const next = name === 'reference' && typeof child === 'string' ? textOf(child, here) : childOf(child, here)
    if (next === child) continue
    copy ??= { ...value }
    copy[name] = next
  }
  return copy ?? value
}

const settledList = (list: readonly unknown[], here: Here): readonly unknown[] => {
  const next = list.map(child => childOf(child, here))
  return next.every((child, at) => child === list[at]) ? list : next
}

const childOf = (child: unknown, here: Here): unknown =>
  typeof child === 'object' && child !== null ? settled(child, here) : child

const textOf = (text: string, { own, resource }: Here): string => {
  const rest = text.startsWith(own) ? text.slice(own.length) : undefined
  if (rest !== undefined && 'type' in (parseReference(rest) ?? {})) return rest
  if (rest !== undefined && beginsRelative(rest))
    throw refusal('value', `“${text}” names nothing: at this server's address ${referenceRule}`, { text, resource })
  if (/^[A-Z][A-Za-z]*\?/.test(text))
    throw refusal(
      'business-rule',
      `“${text}” is looked up where a transaction is written, and nowhere else: send it in one, or name the resource by its id`,
      { text, resource },
    )
  return text
}

type Found = { readonly text: string; readonly resource: Resource }

const refusal = (code: 'business-rule' | 'value', message: string, { text, resource }: Found): FhirError =>
  new FhirError(code, message, {
    expression: placeOf(text, resource, resource.resourceType) ?? resource.resourceType,
  })

/** Looked for only once something is wrong: keeping track of the place all along took most of the time. */
const placeOf = (text: string, value: object, path: string): string | undefined => {
  for (const [name, child] of Object.entries(value)) {
    const at = Array.isArray(value) ? `${path}[${name}]` : `${path}.${name}`
    if (name === 'reference' && child === text) return at
    const found = typeof child === 'object' && child !== null ? placeOf(text, child, at) : undefined
    if (found !== undefined) return found
  }
  return undefined
}
