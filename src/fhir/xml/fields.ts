import { namesOf } from '../definition/path-compiler.ts'
import { contentOf, type Element, type Structures } from '../definition/structure.ts'
import { once } from '../once.ts'

/** An element as it is named in both JSON and XML; a choice has one for each type. https://hl7.org/fhir/R4/xml.html */
export type Field = {
  readonly name: string
  readonly kind: 'attribute' | 'primitive' | 'complex' | 'resource' | 'narrative'
  /** What a primitive's text becomes in JSON. */
  readonly json: 'string' | 'boolean' | 'number'
  readonly repeats: boolean
  /** Its place among its siblings in the definition, which is the order in XML. */
  readonly position: number
  /** What it may contain; for a resource, that is not known in advance. */
  readonly below: () => Fields
}

export type Fields = ReadonlyMap<string, Field>

/** The fields of a type by its name; undefined if R4 has no such type. */
export type FieldsOf = (type: string) => Fields | undefined

/** Each is compiled once, when it is first needed. */
export const openFields = (structures: Structures): FieldsOf => {
  const known = new Map<Element, Fields>()
  const ofElement = (element: Element, isResource: boolean): Fields => {
    const made = known.get(element) ?? compile(element, isResource)
    known.set(element, made)
    return made
  }
  const ofType = (type: string): Fields | undefined => {
    const structure = structures.get(type)
    return structure && ofElement(structure.root, structure.kind === 'resource')
  }
  const compile = (parent: Element, isResource: boolean): Fields =>
    new Map(
      [...parent.children.values()].flatMap((element, position) =>
        namesOf(element).map(({ name, type }): [string, Field] => {
          const kind = isAttribute(parent, element, isResource) ? 'attribute' : kindOf(structures, type)
          const content = contentOf(structures, element) ?? element
          const below = once(() => (content.children.size > 0 ? ofElement(content, false) : (ofType(type) ?? none)))
          return [name, { name, kind, json: jsonOf[type] ?? 'string', repeats: element.repeats, position, below }]
        }),
      ),
    )
  return ofType
}

/** "FHIR elements are never defined as attributes, except for" the id of an element and the url of an extension. */
const isAttribute = (parent: Element, { name, path }: Element, isResource: boolean): boolean =>
  (name === 'id' && !isResource) || (name === 'url' && parent.path === 'Extension' && path === 'Extension.url')

const kindOf = (structures: Structures, type: string): Field['kind'] => {
  if (type === 'xhtml') return 'narrative'
  const kind = structures.get(type)?.kind
  if (kind === 'primitive-type') return 'primitive'
  return kind === 'resource' ? 'resource' : 'complex'
}

const jsonOf: Readonly<Record<string, Field['json']>> = {
  boolean: 'boolean',
  decimal: 'number',
  integer: 'number',
  positiveInt: 'number',
  unsignedInt: 'number',
}

const none: Fields = new Map()
