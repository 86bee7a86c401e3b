import type { ErrorObject } from 'ajv'
import type { Issue, IssueCode } from '../fhir/error.ts'
import type { OmhDocument } from './document.ts'
import { repair } from './repair.ts'
import type { FoundSchema, Schemas } from './schema/schemas.ts'

/** What a document is worth: `bodies` (with the text of numbers) may be read by the rules of the schema if `validated`. */
export type Judgement = {
  readonly validated: boolean
  readonly bodies: readonly unknown[]
  /** Errors refuse the document, warnings go with it. */
  readonly issues: readonly Issue[]
}

/** Header and bodies against their schemas; a body that breaks its schema gets a second chance as repaired. */
export const judge = (document: OmhDocument, schemas: Schemas): Judgement => {
  const header = judgeHeader(document, schemas)
  const schema = schemas.find(document.id)
  if (schema === undefined) {
    return { validated: false, bodies: document.exact.bodies, issues: [...header, unknownSchema(document, schemas)] }
  }
  const one = document.plain.form === 'series' ? (index: number) => `/body/${index}` : bodyPointer[document.plain.form]
  const judged = document.plain.bodies.map((body, index) =>
    judgeBody(body, document.exact.bodies[index], schema, pointer(one, index), document.expression),
  )
  return {
    validated: true,
    bodies: judged.map(({ body }) => body),
    issues: [...header, ...judged.flatMap(({ issues }) => issues)],
  }
}

const bodyPointer = { point: '/body', bare: '' } as const
const pointer = (one: string | ((index: number) => string), index: number): string =>
  typeof one === 'string' ? one : one(index)

const judgeBody = (plain: unknown, exact: unknown, schema: FoundSchema, at: string, expression: string) => {
  if (schema.validate(plain)) return { body: exact, issues: [] }
  const errors = toIssues(schema, at, expression)
  const repaired = repair(plain)
  if (repaired.notes.length === 0 || !schema.validate(repaired.tree)) return { body: exact, issues: errors }
  const issues = repaired.notes.map(note => warning(`${at}${note.pointer}: ${note.message} (${schema.id})`, expression))
  return { body: repair(exact).tree, issues }
}

/** IEEE 1752.1's header has a `uuid`, Open mHealth's own an `id`; the header of a hybrid is open for the other's fields. */
const judgeHeader = ({ plain, expression }: OmhDocument, schemas: Schemas): readonly Issue[] => {
  if (plain.form === 'bare') return [warning('the document is a body without a header', expression)]
  const { header } = plain
  const isOld = header !== undefined && header.uuid === undefined && header.id !== undefined
  const schema = schemas.find(isOld ? oldHeader : ieeeHeader)
  if (schema === undefined || schema.validate(header)) return []
  const errors = toIssues(schema, '/header', expression)
  const repaired = repair(header)
  if (repaired.notes.length === 0 || !schema.validate(repaired.tree)) return errors
  return repaired.notes.map(note => warning(`/header${note.pointer}: ${note.message} (${schema.id})`, expression))
}

const oldHeader = { namespace: 'omh', name: 'header', version: '1.2' }
const ieeeHeader = { namespace: 'ieee', name: 'header', version: '1.0' }

const unknownSchema = ({ id: { namespace, name, version }, expression }: OmhDocument, schemas: Schemas): Issue => {
  const id = `${namespace}:${name}:${version}`
  const newest = schemas.newestVersion(namespace, name)
  const known = newest === undefined ? '' : `; the newest version known here is ${newest}`
  return warning(`${id} is not known: the document was kept and not validated${known}`, expression)
}

export const warning = (message: string, expression: string): Issue => ({
  code: 'processing',
  severity: 'warning',
  message,
  expression,
})

/** Each names the JSON pointer, the schema, its rule, and what would be accepted. */
const toIssues = ({ id, validate }: FoundSchema, at: string, expression: string): readonly Issue[] =>
  (validate.errors ?? []).map(error => ({
    code: codeByKeyword[error.keyword] ?? 'value',
    message: `${at}${error.instancePath}: ${error.message} (${id}${error.schemaPath})${accepted(error)}`,
    expression,
  }))

const codeByKeyword: Readonly<Record<string, IssueCode>> = { required: 'required', enum: 'code-invalid' }

const accepted = ({ params }: ErrorObject): string => {
  const allowed: unknown = params.allowedValues
  return Array.isArray(allowed) ? `; accepted: ${allowed.join(', ')}` : ''
}
