import { FhirError } from '../../fhir/error.ts'
import { inSteps } from '../../fhir/give-way.ts'
import { toOperationOutcome } from '../../fhir/operation-outcome.ts'
import { create } from '../../interactions/create.ts'
import { deletion } from '../../interactions/delete.ts'
import type { Context, FhirResponse, Handler, InstanceRequest, TypeRequest } from '../../interactions/interaction.ts'
import { versionHeaders } from '../../interactions/version.ts'
import { escaped } from '../../search/escape.ts'
import { parseSearch } from '../../search/parse.ts'

/** The document as it was sent, byte for byte. */
export const readDataPoint: Handler<InstanceRequest> = async (request, context) => {
  const id = await observationOf(request, context)
  const stored = await context.store.read('Observation', id)
  const document = await inSteps(context.mhealth.documentOf(JSON.parse(stored.content)))
  if (document === undefined) throw notFound(request.id)
  return { status: 200, ...versionHeaders(stored), body: { kind: 'text', text: document.bytes.toString() } }
}

/** The body, a Buffer, becomes the document of an Observation of the token's patient, or of the patient that is named. */
export const createDataPoint: Handler<TypeRequest> = async ({ type, query, body }, context) => {
  if (!Buffer.isBuffer(body) || body.length === 0) throw new FhirError('structure', 'The body is a data point, as JSON')
  const observation = {
    resourceType: type,
    status: 'final',
    subject: { reference: `Patient/${patientOf(query, context)}` },
    valueAttachment: { contentType: 'application/json', data: body.toString('base64') },
  }
  const request: TypeRequest = { type, query: new URLSearchParams(), body: observation, headers: minimal }
  const { status, etag, location, issues = [] } = await create(request, context)
  const [first, ...others] = issues
  return {
    status,
    ...(etag === undefined ? {} : { etag }),
    location: `${context.base}/dataPoints/${location?.split('/').at(-3)}`,
    ...(first === undefined ? {} : { body: { kind: 'outcome', outcome: toOperationOutcome([first, ...others]) } }),
  }
}

export const deleteDataPoint: Handler<InstanceRequest> = async (request, context): Promise<FhirResponse> => {
  const id = await observationOf(request, context)
  const headers = { prefer: { handling: 'strict', return: 'OperationOutcome' } } as const
  return deletion({ ...request, id, query: new URLSearchParams(), headers }, context)
}

const minimal = { prefer: { handling: 'strict', return: 'minimal' } } as const

const patientOf = (query: URLSearchParams, { caller }: Context): string => {
  const patient = onlyPatient(query) ?? caller.patient
  if (patient !== undefined) return patient
  throw new FhirError('required', 'patient says whose data point it is, where the token is not of a patient', {
    status: 400,
    expression: 'patient',
  })
}

/** The Observation of a data point, by the id of its document, which is only unique within a patient, or by its own id; of the patient that is named. */
const observationOf = async ({ id, query }: InstanceRequest, { registry, base, store }: Context): Promise<string> => {
  const patient = onlyPatient(query)
  // Nothing has such an id. A search for it would be refused, in the name of a parameter that nobody has sent.
  if (id.includes('\0')) throw notFound(id)
  const find = async (criteria: Readonly<Record<string, string>>) => {
    const asked = new URLSearchParams({ ...criteria, ...(patient === undefined ? {} : { patient }), _count: '2' })
    return (await store.search(parseSearch(registry, 'Observation', asked, { base }))).entries
  }
  const [first, ...others] = await find({ identifier: `urn:ietf:rfc:3986|${escaped(`urn:uuid:${id.toLowerCase()}`)}` })
  if (others.length > 0) throw new FhirError('multiple-matches', severalHave(id, patient))
  if (first !== undefined || patient === undefined) return first?.id ?? id
  const [own] = await find({ _id: escaped(id) })
  if (own === undefined) throw notFound(id)
  return own.id
}

const severalHave = (id: string, patient: string | undefined): string =>
  patient === undefined
    ? `Several patients have a data point ${id}: say patient=[id]`
    : `Several data points of this patient have the id ${id}: each is known by the id of its Observation as well, as in the Location that was answered`

const onlyPatient = (query: URLSearchParams): string | undefined => {
  const other = [...query.keys()].find(name => name !== 'patient')
  if (other !== undefined)
    throw new FhirError('invalid', `${other} is no parameter here; accepted: patient`, { expression: other })
  const [patient, ...others] = query.getAll('patient')
  if (others.length > 0) throw new FhirError('invalid', 'patient is given once', { expression: 'patient' })
  return patient
}

const notFound = (id: string) => new FhirError('not-found', `No data point ${id} is known`)
