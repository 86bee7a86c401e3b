import { Ajv, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'
import { aliasesOf, compareVersions, type OfficialSchema, readOfficialSchemas } from './official.ts'
import { type SchemaRow, toJsonSchema } from './row.ts'
import { bodySchemas, schemaTable } from './table.ts'

export type SchemaId = { readonly namespace: string; readonly name: string; readonly version: string }

/** The schema by which a document is validated: its own, or the newest later minor version, which must accept it too. */
export type FoundSchema = { readonly id: string; readonly validate: ValidateFunction }

export type Schemas = {
  readonly find: (id: SchemaId) => FoundSchema | undefined
  /** Undefined if no version of the schema is known. */
  readonly newestVersion: (namespace: string, name: string) => string | undefined
  /** `omh:heart-rate:2.0` and so on: the ids that `header.schema_id` may have for a document to be validated. */
  readonly ids: readonly string[]
}

/** Opens the schemas of our table; the official files in `schemaDir` take precedence. Each is compiled when it is first needed. */
export const openSchemas = ({ schemaDir }: { readonly schemaDir?: string } = {}): Schemas => {
  const official = schemaDir === undefined ? [] : readOfficialSchemas(schemaDir)
  const compile = openCompiler(official)
  const versions = versionsByName(official)
  const compiled = new Map<string, FoundSchema>()

  const find: Schemas['find'] = ({ namespace, name, version }) => {
    const schema = `${namespace}:${name}`
    const found = judging(versions.get(schema) ?? [], version)
    if (found === undefined) return undefined
    const id = `${schema}:${found}`
    const ready = compiled.get(id) ?? { id, validate: compile(schema, found) }
    compiled.set(id, ready)
    return ready
  }
  return {
    find,
    newestVersion: (namespace, name) => versions.get(`${namespace}:${name}`)?.at(-1),
    ids: [...versions].flatMap(([name, known]) => (mayBeNamed(name) ? known.map(version => `${name}:${version}`) : [])),
  }
}

/** The version itself, or else the newest known minor version above it with the same major one; `4.x` means the newest of 4. */
const judging = (known: readonly string[], version: string): string | undefined => {
  if (known.includes(version)) return version
  const [major, minor] = version.split('.')
  const isAny = minor === 'x'
  return known.findLast(one => one.startsWith(`${major}.`) && (isAny || compareVersions(one, version) > 0))
}

/** The versions of every schema by its name, oldest first. */
const versionsByName = (official: readonly OfficialSchema[]): ReadonlyMap<string, readonly string[]> => {
  const own = schemaTable.flatMap(({ name, versions }) => versions.map(version => ({ name, version })))
  return new Map(
    [...Map.groupBy([...own, ...official], ({ name }) => name)].map(([name, all]) => [
      name,
      [...new Set(all.map(({ version }) => version))].toSorted(compareVersions),
    ]),
  )
}

const openCompiler = (official: readonly OfficialSchema[]) => {
  const ajv = new Ajv({ allErrors: true, strict: false, validateSchema: false, verbose: false, formats: { iri: true } })
  formats.default(ajv)
  for (const { schema } of official) ajv.addSchema(schema)
  for (const alias of aliasesOf(official)) ajv.addSchema(alias)
  const uris = new Map(official.map(({ name, version, uri }) => [`${name}:${version}`, uri]))

  return (name: string, version: string): ValidateFunction => {
    const uri = uris.get(`${name}:${version}`)
    const validate = uri === undefined ? ajv.compile(toJsonSchema(rowOf(name, version), version)) : ajv.getSchema(uri)
    if (validate === undefined) throw new Error(`schema ${name}:${version} does not compile`)
    return validate
  }
}

const rowOf = (name: string, version: string): SchemaRow => {
  const row = schemaTable.find(one => one.name === name && one.versions.includes(version))
  if (row === undefined) throw new Error(`schema ${name}:${version} is not in the table`)
  return row
}

const bodyNames = new Set(bodySchemas.map(({ name }) => name))

/** Single values and headers have schemas too, but are no documents. */
const mayBeNamed = (name: string): boolean => bodyNames.has(name)
