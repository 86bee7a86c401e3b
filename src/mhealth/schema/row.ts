/** A JSON Schema (draft-07), or a part of one. */
export type Shape = { readonly [keyword: string]: unknown }

/** `name*` is required. The third item says which versions have the field, by prefix: `'2 3.1'`; absent: all of them. */
export type Field = readonly [name: string, shape: Shape, versions?: string]

/** One schema in all its versions: the fields of an object, or a shape that is the same in all. */
export type SchemaRow = { readonly name: string; readonly versions: readonly string[] } & (
  | { readonly fields: readonly Field[] }
  | { readonly shape: Shape }
)

export const body = (name: string, versions: string, ...fields: readonly Field[]): SchemaRow => ({
  name,
  versions: versions.split(' '),
  fields,
})

export const value = (name: string, versions: string, shape: Shape): SchemaRow => ({
  name,
  versions: versions.split(' '),
  shape,
})

/** The JSON Schema of one version. Objects are open: what we do not know is kept, and not judged. */
export const toJsonSchema = (row: SchemaRow, version: string): Shape =>
  'shape' in row ? row.shape : record(...row.fields.filter(([, , versions]) => holdsIn(versions, version)))

const holdsIn = (versions: string | undefined, version: string): boolean =>
  versions === undefined || versions.split(' ').some(prefix => `${version}.`.startsWith(`${prefix}.`))

export const record = (...fields: readonly Field[]): Shape => ({
  type: 'object',
  properties: Object.fromEntries(fields.map(([name, shape]) => [name.replace('*', ''), shape])),
  required: fields.filter(([name]) => name.endsWith('*')).map(([name]) => name.slice(0, -1)),
})

export const text: Shape = { type: 'string' }
export const number: Shape = { type: 'number' }
export const integer: Shape = { type: 'integer' }
export const flag: Shape = { type: 'boolean' }

/** A list of names, some of which have spaces. */
export const split = (names: string): readonly string[] => names.split('; ')

export const words = (...of: readonly string[]): Shape => ({ type: 'string', enum: of })
export const format = (name: string): Shape => ({ type: 'string', format: name })
export const pattern = (expression: RegExp): Shape => ({ type: 'string', pattern: expression.source })
export const list = (of: Shape): Shape => ({ type: 'array', items: of })
export const oneOf = (...of: readonly Shape[]): Shape => ({ oneOf: of })

/** A number with one of the units, or if none are named, with any. */
export const quantity = (...units: readonly string[]): Shape =>
  record(['value*', number], ['unit*', units.length === 0 ? text : words(...units)])

export const range = (...units: readonly string[]): Shape =>
  record(['low_value*', number], ['high_value*', number], ['unit*', units.length === 0 ? text : words(...units)])
