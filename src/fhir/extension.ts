import type { Element, Extension } from '@medplum/fhirtypes'

/** https://hl7.org/fhir/R4/extensibility.html: an element with extensions, or a complex extension with its parts. */
type Extended = { readonly extension?: readonly Extension[] }

/** The first one with the URL; of a complex extension, the first part of that name. */
export const extensionOf = ({ extension = [] }: Extended, url: string): Extension | undefined =>
  extension.find(one => one.url === url)

/** All of them. */
export const extensionsOf = ({ extension = [] }: Extended, url: string): readonly Extension[] =>
  extension.filter(one => one.url === url)

/** What stands beside a primitive element: the id and extensions of `criteria`, in `_criteria`. */
export const besideOf = (holder: object, element: string): Element => Object(Reflect.get(holder, `_${element}`))
