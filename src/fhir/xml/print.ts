/** A resource as XML. https://hl7.org/fhir/R4/xml.html */

import { decimalText } from '../json.ts'
import { isJson, type Json } from '../validate/walk.ts'
import { narrativeXml } from './div.ts'
import { escapeXml } from './escape.ts'
import type { Field, Fields, FieldsOf } from './fields.ts'

export type PrintOptions = { readonly pretty?: boolean }

export const fhirNamespace = 'http://hl7.org/fhir'

/** The element of the resource's name; a part of another resource says no namespace again. */
export const printResource = (fieldsOf: FieldsOf, resource: unknown, options: PrintOptions = {}): string => {
  const { pretty = false } = options
  return resourceText({ fieldsOf, pretty }, resource, 0, ` xmlns="${fhirNamespace}"`)
}

/** An entry of a Bundle that is printed piece by piece. */
export const printEntry = (fieldsOf: FieldsOf, entry: unknown, { pretty = false }: PrintOptions = {}): string => {
  const field = fieldsOf('Bundle')?.get('entry')
  if (field === undefined) throw new Error('there is no Bundle')
  return elementText({ fieldsOf, pretty }, field, entry, undefined, 1)
}

type Printing = { readonly fieldsOf: FieldsOf; readonly pretty: boolean }

const resourceText = (printing: Printing, resource: unknown, depth: number, namespace = ''): string => {
  if (!isJson(resource)) return ''
  const type = String(resource.resourceType)
  const fields = printing.fieldsOf(type)
  if (fields === undefined) throw new Error(`${type} is no type of R4`)
  return tag(printing, type, namespace, childrenText(printing, fields, resource, depth + 1), depth)
}

const childrenText = (printing: Printing, fields: Fields, value: Json, depth: number): string =>
  presentIn(fields, value)
    .filter(({ kind }) => kind !== 'attribute')
    .map(field => fieldText(printing, field, value[field.name], value[`_${field.name}`], depth))
    .join('')

/** In the definition's order. What the definitions do not know has no place in XML. */
const presentIn = (fields: Fields, value: Json): readonly Field[] => {
  const names = new Set(Object.keys(value).map(key => (key.startsWith('_') ? key.slice(1) : key)))
  return [...names]
    .map(name => fields.get(name))
    .filter(field => field !== undefined)
    .sort((one, other) => one.position - other.position)
}

const fieldText = (printing: Printing, field: Field, value: unknown, beside: unknown, depth: number): string => {
  if (!Array.isArray(value) && !Array.isArray(beside)) return elementText(printing, field, value, beside, depth)
  const [values, extras] = [listOf(value), listOf(beside)]
  return Array.from({ length: Math.max(values.length, extras.length) }, (_, index) =>
    elementText(printing, field, values[index], extras[index], depth),
  ).join('')
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** `beside` are the id and extensions of a primitive. */
const elementText = (printing: Printing, field: Field, value: unknown, beside: unknown, depth: number): string => {
  switch (field.kind) {
    case 'narrative':
      return typeof value === 'string' ? line(printing, narrativeXml(value), depth) : ''
    case 'resource':
      return isJson(value) ? tag(printing, field.name, '', resourceText(printing, value, depth + 1), depth) : ''
    case 'complex':
      return isJson(value) ? complexText(printing, field, value, '', depth) : ''
    case 'primitive':
      return complexText(printing, field, isJson(beside) ? beside : {}, valueAttribute(value), depth)
    case 'attribute':
      return ''
  }
}

const complexText = (printing: Printing, field: Field, value: Json, attribute: string, depth: number): string => {
  const fields = field.kind === 'primitive' ? (printing.fieldsOf('Element') ?? field.below()) : field.below()
  const attributes = presentIn(fields, value)
    .filter(({ kind }) => kind === 'attribute')
    .map(({ name }) => ` ${name}="${escapeXml(String(value[name]))}"`)
  return tag(
    printing,
    field.name,
    attributes.join('') + attribute,
    childrenText(printing, fields, value, depth + 1),
    depth,
  )
}

const valueAttribute = (value: unknown): string => {
  if (value === undefined || value === null) return ''
  return ` value="${escapeXml(typeof value === 'string' ? value : (decimalText(value) ?? String(value)))}"`
}

const tag = (printing: Printing, name: string, attributes: string, children: string, depth: number): string => {
  if (children === '') return line(printing, `<${name}${attributes}/>`, depth)
  if (!printing.pretty) return `<${name}${attributes}>${children}</${name}>`
  return `${line(printing, `<${name}${attributes}>`, depth)}${children}${line(printing, `</${name}>`, depth)}`
}

const line = ({ pretty }: Printing, text: string, depth: number): string =>
  pretty ? `${'  '.repeat(depth)}${text}\n` : text
