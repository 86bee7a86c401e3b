/** Reads XML as a resource, in the form in which JSON is parsed. https://hl7.org/fhir/R4/xml.html */

import { SaxesParser, type SaxesTagNS } from 'saxes'
import { FhirError } from '../error.ts'
import { inSteps } from '../give-way.ts'
import { xhtmlNamespace } from './div.ts'
import type { Field, FieldsOf } from './fields.ts'
import { fhirNamespace } from './print.ts'
import { addProperty, jsonValue } from './property.ts'
import { refused } from './refused.ts'

/**
 * Throws FhirError, status 400. A document type is refused, so that there are only XML's own five entities. Comments and processing instructions
 * are ignored, and elements may come in any order. Others have their turn between two pieces.
 */
export const parseXml = (fieldsOf: FieldsOf, text: string): Promise<unknown> => inSteps(parsePieces(fieldsOf, text))

const parsePieces = function* (fieldsOf: FieldsOf, text: string): Generator<void, unknown> {
  const building = startBuilding(fieldsOf, text)
  const parser = new SaxesParser({ xmlns: true, position: true })
  parser.on('error', () => {
    throw refused(`The body is not well-formed XML at line ${parser.line}, column ${parser.column}`)
  })
  parser.on('doctype', () => {
    throw refused('The body has a document type declaration; send it without')
  })
  parser.on('xmldecl', ({ encoding }) => refuseEncoding(encoding))
  parser.on('opentag', element => startTag(building, element, parser.position))
  parser.on('closetag', () => endTag(building, parser.position))
  parser.on('text', found => refuseText(building, found))
  parser.on('cdata', found => refuseText(building, found))
  for (let at = 0; at < text.length; at += pieceLength) {
    parser.write(text.slice(at, at + pieceLength))
    yield
  }
  parser.close()
  return building.root
}

const pieceLength = 64 * 1024

/** An element that has begun but not ended, with what has been read of it. */
type Open = {
  readonly name: string
  readonly field: Field | undefined
  /** Its object in JSON; for an element that holds a resource, that of the resource. */
  value: Record<string, unknown>
  /** For a primitive: its value attribute. */
  readonly primitive?: unknown
  readonly fields: ReadonlyMap<string, Field>
}

type Building = {
  readonly fieldsOf: FieldsOf
  /** What any primitive may have: its value, and what an element has. */
  readonly primitive: { readonly fields: ReadonlyMap<string, Field>; readonly attributes: ReadonlyMap<string, Kind> }
  readonly text: string
  readonly open: Open[]
  /** How many elements of a narrative are open, and where its div starts. */
  narrativeDepth: number
  narrativeStart: number
  root: unknown
}

const startBuilding = (fieldsOf: FieldsOf, text: string): Building => {
  const fields = fieldsOf('Element') ?? none
  const primitive = { fields, attributes: new Map<string, Kind>([...fields, ['value', valueField]]) }
  return { fieldsOf, primitive, text, open: [], narrativeDepth: 0, narrativeStart: 0, root: undefined }
}

/** Nobody needs elements so deep: validation has a far lower limit. */
export const deepestElement = 500

const startTag = (building: Building, element: SaxesTagNS, position: number): void => {
  const { open, narrativeDepth } = building
  if (open.length + narrativeDepth >= deepestElement)
    throw refused(`The body is nested more than ${deepestElement} levels deep`)
  const parent = open.at(-1)
  if (narrativeDepth > 0) enterNarrative(building, element)
  else if (parent === undefined || parent.field?.kind === 'resource') startResource(building, element, parent)
  else startElement(building, element, parent, position)
}

const startElement = (building: Building, element: SaxesTagNS, parent: Open, position: number): void => {
  const field = parent.fields.get(element.local)
  if (field === undefined || field.kind === 'attribute') throw unknown(building, element.name)
  if (field.kind === 'narrative') {
    if (element.prefix !== '') throw refused(`<${element.name}> must be written without a prefix`, pathOf(building))
    building.narrativeStart = building.text.lastIndexOf('<', position - 1)
    building.open.push({ name: element.local, field, value: {}, fields: none })
    enterNarrative(building, element)
    return
  }
  requireNamespace(building, element, fhirNamespace)
  const start = field.kind === 'primitive' ? openPrimitive : openComplex
  building.open.push(start(building, field, element))
}

/** The root, or the one child of `contained`, `resource` and the like. */
const startResource = (building: Building, element: SaxesTagNS, parent: Open | undefined): void => {
  requireNamespace(building, element, fhirNamespace)
  const fields = building.fieldsOf(element.local)
  if (fields === undefined || /^(?:Resource|DomainResource)$/.test(element.local) || !fields.has('implicitRules')) {
    throw refused(`<${element.name}> is no resource type of FHIR R4`, pathOf(building))
  }
  if (parent !== undefined && Object.keys(parent.value).length > 0) {
    throw refused(`<${parent.name}> holds more than one resource`, pathOf(building))
  }
  const value = { resourceType: element.local }
  if (parent !== undefined) parent.value = value
  readAttributes(building, element, none)
  building.open.push({ name: element.local, field: undefined, value, fields })
}

type Kind = Pick<Field, 'kind'>

const openComplex = (building: Building, field: Field, element: SaxesTagNS): Open => {
  const fields = field.kind === 'resource' ? none : field.below()
  return { name: field.name, field, value: readAttributes(building, element, fields), fields }
}

const openPrimitive = (building: Building, field: Field, element: SaxesTagNS): Open => {
  const { fields, attributes } = building.primitive
  const { value: text, ...value } = readAttributes(building, element, attributes)
  return {
    name: field.name,
    field,
    value,
    fields,
    ...(text === undefined ? {} : { primitive: jsonValue(field, text) }),
  }
}

/** Attributes of other namespaces, such as xsi:schemaLocation, mean nothing for the resource. */
const readAttributes = (
  building: Building,
  { name, attributes }: SaxesTagNS,
  fields: ReadonlyMap<string, Kind>,
): Record<string, unknown> => {
  const own: Record<string, unknown> = {}
  for (const { uri, prefix, local, name: attribute, value } of Object.values(attributes)) {
    if (uri !== '' || prefix + local === 'xmlns') continue
    if (fields.get(local)?.kind !== 'attribute') {
      const path = [pathOf(building), name].filter(part => part !== undefined).join('.')
      throw refused(`<${name}> has no attribute ${attribute}`, path)
    }
    own[local] = value
  }
  return own
}

const endTag = (building: Building, position: number): void => {
  const { open, text } = building
  if (building.narrativeDepth > 1) {
    building.narrativeDepth -= 1
    return
  }
  const ended = open.pop()
  const parent = open.at(-1)
  if (ended === undefined) return
  if (building.narrativeDepth === 1) {
    building.narrativeDepth = 0
    if (parent !== undefined) parent.value[ended.name] = withoutCdata(text.slice(building.narrativeStart, position))
    return
  }
  if (parent === undefined) building.root = ended.value
  else if (ended.field !== undefined) addProperty(parent.value, ended.field, ended)
}

const enterNarrative = (building: Building, element: SaxesTagNS): void => {
  requireNamespace(building, element, xhtmlNamespace)
  building.narrativeDepth += 1
}

/** A narrative in JSON has no CDATA, so its text is escaped instead. */
const withoutCdata = (div: string): string => {
  const parts: string[] = []
  let at = 0
  for (;;) {
    const start = div.indexOf(cdata, at)
    const end = start < 0 ? -1 : div.indexOf(']]>', start)
    if (end < 0) return parts.join('') + div.slice(at)
    const text = div.slice(start + cdata.length, end)
    parts.push(div.slice(at, start), text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;'))
    at = end + 3
  }
}

const cdata = '<![CDATA['

const requireNamespace = (building: Building, { name, uri }: SaxesTagNS, namespace: string): void => {
  if (uri === namespace) return
  const found = uri === '' ? 'no namespace' : `the namespace ${uri}`
  throw refused(`<${name}> is in ${found}; it must be in ${namespace}`, pathOf(building))
}

const refuseText = (building: Building, text: string): void => {
  if (building.narrativeDepth > 0 || /^\s*$/.test(text)) return
  throw refused('There is text where FHIR has only elements and attributes', pathOf(building))
}

const refuseEncoding = (encoding: string | undefined): void => {
  if (encoding === undefined || /^(?:utf-?8|us-ascii)$/i.test(encoding)) return
  throw new FhirError('not-supported', `The encoding ${encoding} is not taken here; send UTF-8`, { status: 415 })
}

const unknown = (building: Building, name: string): FhirError => {
  const path = pathOf(building)
  return refused(`<${name}> is no element of ${path}`, path)
}

/** The path has no indexes: which item it is, is only known once it has ended. */
const pathOf = ({ open }: Building): string | undefined =>
  open
    .filter(({ field }, index) => index === 0 || field !== undefined)
    .map(({ name }) => name)
    .join('.') || undefined

const none: ReadonlyMap<string, Field> = new Map()
const valueField = { kind: 'attribute' } as const
