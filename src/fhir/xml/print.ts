/** A resource as XML. https://hl7.org/fhir/R4/xml.html */

import { decimalText } from '../json.ts'
import { isJson, type Json } from '../validate/walk.ts'
import { narrativeXml } from './div.ts'
import { escapeXml } from './escape.ts'
import type { Field, Fields, FieldsOf } from './fields.ts'

export type PrintOptions = { readonly pretty?: boolean }

export const fhirNamespace = 'http://hl7.org/fhir'

/** The element of the resource, in pieces, some of which are empty. A resource inside another does not repeat the namespace. */
export const printResource = (fieldsOf: FieldsOf, resource: unknown, { pretty = false }: PrintOptions = {}) => {
  const page: Page = { fieldsOf, pretty, open: [], depth: 0, text: '' }
  if (isJson(resource)) beginResource(page, resource, ` xmlns="${fhirNamespace}"`)
  return piecesOf(page)
}

/** The same for an entry of a Bundle. */
export const printEntry = (fieldsOf: FieldsOf, entry: unknown, { pretty = false }: PrintOptions = {}) => {
  const field = fieldsOf('Bundle')?.get('entry')
  if (field === undefined) throw new Error('there is no Bundle')
  const page: Page = { fieldsOf, pretty, open: [], depth: 1, text: '' }
  if (isJson(entry)) beginComplex(page, field, entry, '')
  return piecesOf(page)
}

/** The text that is printed but not yet given out, and the elements whose children are being printed. */
type Page = {
  readonly fieldsOf: FieldsOf
  readonly pretty: boolean
  readonly open: Open[]
  /** The depth of the outermost element. */
  readonly depth: number
  text: string
}

type Open = { readonly name: string; readonly children: Iterator<Child>; hasChild: boolean }

/** `beside`: the id and extensions of a primitive. The one child of an element that holds a resource has no field. */
type Child = { readonly field: Field | undefined; readonly value: unknown; readonly beside: unknown }

const piecesOf = function* (page: Page): Generator<string> {
  for (let inside = page.open.at(-1); inside !== undefined; inside = page.open.at(-1)) {
    const { done, value: child } = inside.children.next()
    if (done) end(page)
    else if (child.field?.kind === 'narrative' && typeof child.value === 'string')
      addLine(page, yield* narrativeXml(child.value))
    else printChild(page, child)
    if (page.text.length < pieceLength) continue
    yield page.text
    page.text = ''
  }
  yield page.text
}

const pieceLength = 64 * 1024

const printChild = (page: Page, { field, value, beside }: Child): void => {
  if (field?.kind === 'primitive') beginComplex(page, field, isJson(beside) ? beside : {}, valueAttribute(value))
  if (!isJson(value)) return
  if (field === undefined) beginResource(page, value, '')
  else if (field.kind === 'complex') beginComplex(page, field, value, '')
  else if (field.kind === 'resource') begin(page, field.name, '', [{ field: undefined, value, beside }].values())
}

const beginResource = (page: Page, resource: Json, namespace: string): void => {
  const type = String(resource.resourceType)
  const fields = page.fieldsOf(type)
  if (fields === undefined) throw new Error(`${type} is no type of R4`)
  begin(page, type, namespace, childrenOf(presentIn(fields, resource), resource))
}

const beginComplex = (page: Page, field: Field, value: Json, attribute: string): void => {
  const fields = field.kind === 'primitive' ? (page.fieldsOf('Element') ?? field.below()) : field.below()
  const present = presentIn(fields, value)
  const attributes = present
    .filter(({ kind }) => kind === 'attribute')
    .map(({ name }) => ` ${name}="${escapeXml(String(value[name]))}"`)
  begin(page, field.name, attributes.join('') + attribute, childrenOf(present, value))
}

const childrenOf = function* (present: readonly Field[], value: Json): Generator<Child> {
  for (const field of present) {
    if (field.kind === 'attribute') continue
    const [own, beside] = [value[field.name], value[`_${field.name}`]]
    if (!Array.isArray(own) && !Array.isArray(beside)) yield { field, value: own, beside }
    else {
      const [values, extras] = [listOf(own), listOf(beside)]
      for (let index = 0; index < Math.max(values.length, extras.length); index += 1)
        yield { field, value: values[index], beside: extras[index] }
    }
  }
}

/** In the order of the definition. Unknown elements have no place in XML. */
const presentIn = (fields: Fields, value: Json): readonly Field[] => {
  const names = new Set(Object.keys(value).map(key => (key.startsWith('_') ? key.slice(1) : key)))
  return [...names]
    .map(name => fields.get(name))
    .filter(field => field !== undefined)
    .sort((one, other) => one.position - other.position)
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

const valueAttribute = (value: unknown): string => {
  if (value === undefined || value === null) return ''
  return ` value="${escapeXml(typeof value === 'string' ? value : (decimalText(value) ?? String(value)))}"`
}

/** Whether the tag closes itself depends on whether there is a first child. */
const begin = (page: Page, name: string, attributes: string, children: Iterator<Child>): void => {
  beginLine(page)
  page.text += `<${name}${attributes}`
  page.open.push({ name, children, hasChild: false })
}

const end = (page: Page): void => {
  const ended = page.open.pop()
  if (ended?.hasChild) page.text += `${indentOf(page)}</${ended.name}>`
  else page.text += '/>'
  if (page.pretty) page.text += '\n'
}

const addLine = (page: Page, text: string): void => {
  beginLine(page)
  page.text += page.pretty ? `${text}\n` : text
}

const beginLine = (page: Page): void => {
  const around = page.open.at(-1)
  if (around?.hasChild === false) {
    around.hasChild = true
    page.text += page.pretty ? '>\n' : '>'
  }
  page.text += indentOf(page)
}

const indentOf = ({ pretty, depth, open }: Page): string => (pretty ? '  '.repeat(depth + open.length) : '')
