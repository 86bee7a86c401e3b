import type { Resource } from '@medplum/fhirtypes'
import { FhirError } from '../fhir/error.ts'
import { parseReference } from '../fhir/reference.ts'

/**
 * The resource as it is stored: what refers to this server by its address, `base`, refers to the same relatively, and is found as that
 * is. Throws where a reference names what it means by criteria: they are looked up in transactions alone. Copies only what changes.
 * https://hl7.org/fhir/R4/references.html#literal, https://hl7.org/fhir/R4/http.html#trules
 */
export const withOwnReferences = <Sent extends Resource>(resource: Sent, base: string): Sent =>
  settled(resource, { own: `${base}/`, base }, resource.resourceType) as Sent

type Here = { readonly base: string; readonly own: string }

const settled = (value: object, here: Here, path: string): object => {
  // What is in a Bundle refers by the fullUrls that stand beside it.
  if ('resourceType' in value && value.resourceType === 'Bundle') return value
  let copy: object | undefined
  for (const [name, child] of Object.entries(value)) {
    const at = Array.isArray(value) ? `${path}[${name}]` : `${path}.${name}`
    const next = nextOf(name, child, here, at)
    if (next === child) continue
    copy ??= Array.isArray(value) ? [...value] : { ...value }
    Object.assign(copy, { [name]: next })
  }
  return copy ?? value
}

const nextOf = (name: string, child: unknown, here: Here, path: string): unknown => {
  if (typeof child === 'object' && child !== null) return settled(child, here, path)
  return name === 'reference' && typeof child === 'string' ? textOf(child, here, path) : child
}

const textOf = (text: string, { base, own }: Here, path: string): string => {
  if (text.startsWith(own) && 'type' in (parseReference(text, base) ?? {})) return text.slice(own.length)
  if (/^[A-Z][A-Za-z]*\?/.test(text))
    throw new FhirError(
      'business-rule',
      `“${text}” is looked up where a transaction is written, and nowhere else: send it in one, or name the resource by its id`,
      { expression: path },
    )
  return text
}
