import type { ErrorObject } from 'ajv'
import type { Issue, IssueCode } from '../fhir/error.ts'
import type { Steps } from '../fhir/give-way.ts'
import { mostIssues } from '../fhir/validate/walk.ts'
import { bodyPointer, type OmhDocument } from './document.ts'
import { detailsOf, type Finding, fewOf, finding, findingOf } from './finding.ts'
import { asRecord } from './json-tree.ts'
import type { Rule } from './policy.ts'
import { type Repair, repair } from './repair.ts'
import type { FoundSchema, Schemas } from './schema/schemas.ts'

/** What was found of a document. `bodies`, whose numbers keep their text, may be read by the rules of the schema if `validated`. */
export type Judgement = {
  readonly validated: boolean
  readonly bodies: readonly unknown[]
  readonly findings: readonly Finding[]
}

/** Validates header and bodies by their schemas. A body that breaks its schema is repaired and gets a second chance. */
export const judge = function* (document: OmhDocument, schemas: Schemas): Steps<Judgement> {
  const header = judgeHeader(document, schemas)
  const schema = schemas.find(document.id)
  if (schema === undefined) {
    return { validated: false, bodies: document.exact.bodies, findings: [...header, unknownSchema(document, schemas)] }
  }
  const judged = yield* judgeBodies(document, (body, index) =>
    judgeBody(body, document.exact.bodies[index], schema, bodyPointer(document.plain, index), document.expression),
  )
  const validated = judged.every(({ validated }) => validated)
  return {
    validated,
    bodies: validated ? judged.map(({ body }) => body) : document.exact.bodies,
    findings: [...header, ...judged.flatMap(({ findings }) => findings)],
  }
}

/** In order. Once more bodies break the schema than are reported, the rest is not validated. */
const judgeBodies = function* (
  { plain }: OmhDocument,
  judgeOne: (body: unknown, index: number) => Judged,
): Steps<readonly Judged[]> {
  const judged: Judged[] = []
  const told = new Map<Rule, number>()
  let broken = 0
  for (const [index, body] of plain.bodies.entries()) {
    const one = judgeOne(body, index)
    judged.push({ ...one, findings: fewOf(one.findings, told) })
    if (!one.validated) broken += 1
    if (broken > mostIssues) break
    yield
  }
  return judged
}

type Judged = { readonly validated: boolean; readonly body: unknown; readonly findings: readonly Finding[] }

const judgeBody = (plain: unknown, exact: unknown, schema: FoundSchema, at: string, expression: string): Judged => {
  const broken = judgePart(plain, schema, at, expression)
  if (broken === undefined) return { validated: true, body: exact, findings: [] }
  return broken.rule === 'repaired'
    ? { validated: true, body: repair(exact).tree, findings: [broken] }
    : { validated: false, body: exact, findings: [broken] }
}

/** Undefined if it is valid by its schema. */
const judgePart = (plain: unknown, schema: FoundSchema, at: string, expression: string): Finding | undefined => {
  if (schema.validate(plain)) return undefined
  const errors = toIssues(schema, at, expression)
  const { tree, repairs } = repair(plain)
  if (repairs.length === 0 || !schema.validate(tree)) return findingOf('schema-broken', errors)
  return {
    rule: 'repaired',
    errors,
    warnings: repairs.map(one => ({
      code: 'processing',
      severity: 'warning',
      message: `${at}${one.pointer}: ${one.message} (${schema.id})`,
      expression,
      details: detailsOf(one.code),
    })),
    repairs: repairs.map((one): Repair => ({ ...one, pointer: `${at}${one.pointer}` })),
  }
}

/** The header of IEEE 1752.1 has a `uuid`, that of Open mHealth an `id`. A header of either kind may have the other's fields as well. */
const judgeHeader = ({ plain, expression }: OmhDocument, schemas: Schemas): readonly Finding[] => {
  if (hasNoHeader(plain))
    return [finding('header-missing', 'the document is a body without a header', expression, { code: 'required' })]
  const { header } = plain
  const isOld = header !== undefined && header.uuid === undefined && header.id !== undefined
  const schema = schemas.find(isOld ? oldHeader : ieeeHeader)
  const broken = schema && judgePart(header, schema, '/header', expression)
  return broken === undefined ? [] : [isIncomplete(broken) ? incomplete(broken) : broken]
}

/** Also if there is an envelope whose header is missing or null. */
const hasNoHeader = ({ form, whole }: OmhDocument['plain']): boolean =>
  form === 'bare' || (asRecord(whole)?.header ?? undefined) === undefined

/** Whether nothing in it is wrong, and something only missing: such a header is no worse than none. */
const isIncomplete = ({ rule, errors }: Finding): boolean =>
  rule === 'schema-broken' && errors.every(({ code, pointer }) => code === 'required' && pointer === '/header')

const incomplete = ({ errors }: Finding): Finding =>
  findingOf(
    'header-incomplete',
    errors.map(issue => ({ ...issue, details: detailsOf('header-incomplete') })),
  )

const oldHeader = { namespace: 'omh', name: 'header', version: '1.2' }
const ieeeHeader = { namespace: 'ieee', name: 'header', version: '1.0' }

const unknownSchema = ({ id: { namespace, name, version }, expression }: OmhDocument, schemas: Schemas): Finding => {
  const id = `${namespace}:${name}:${version}`
  const newest = schemas.newestVersion(namespace, name)
  const known = newest === undefined ? '' : `; the newest version known here is ${newest}`
  return finding('schema-unknown', `${id} is not known here, so the document cannot be validated${known}`, expression)
}

/** Each issue names the JSON pointer, the schema, its rule, and what would be accepted. */
const toIssues = ({ id, validate }: FoundSchema, at: string, expression: string): readonly Issue[] =>
  (validate.errors ?? []).slice(0, mostIssues + 1).map(error => ({
    code: codeByKeyword[error.keyword] ?? 'value',
    message: `${`${at}${error.instancePath}` || 'the document'}: ${error.message} (${id}${error.schemaPath})${accepted(error)}`,
    expression,
    details: detailsOf('schema-broken'),
    pointer: `${at}${error.instancePath}`,
  }))

const codeByKeyword: Readonly<Record<string, IssueCode>> = { required: 'required', enum: 'code-invalid' }

const accepted = ({ params }: ErrorObject): string => {
  const allowed: unknown = params.allowedValues
  return Array.isArray(allowed) ? `; accepted: ${allowed.join(', ')}` : ''
}
