import type { Bundle } from '@medplum/fhirtypes'
import t from 'tap'
import { fhirServer } from '../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())
const headers = { authorization: 'Bearer everything' }
const create = async (resource: object): Promise<string> => {
  const { resourceType } = resource as { readonly resourceType: string }
  const answer = await server.inject({ method: 'POST', url: `/fhir/${resourceType}`, headers, payload: resource })
  if (answer.statusCode !== 201) throw new Error(answer.body)
  return answer.json().id
}

const patient = await create({ resourceType: 'Patient' })
const subject = { reference: `Patient/${patient}` }
const medicationCodeableConcept = { text: 'x' }
const order = { resourceType: 'MedicationRequest', status: 'active', intent: 'order', medicationCodeableConcept }
const dose = { resourceType: 'MedicationAdministration', status: 'completed', medicationCodeableConcept }
const dispense = { resourceType: 'MedicationDispense', status: 'completed', medicationCodeableConcept }
const request = { resourceType: 'ServiceRequest', status: 'active', intent: 'order', code: { text: 'x' } }
const reading = { resourceType: 'Observation', status: 'final', code: { text: 'x' } }
const made: Readonly<Record<string, object>> = {
  'an order in time': { ...order, authoredOn: '2026-02-10' },
  'an order before': { ...order, authoredOn: '2025-02-10', dosageInstruction: [{ timing: { event: ['2026-02-10'] } }] },
  'a dose in time': { ...dose, effectiveDateTime: '2026-02-28T23:00:00Z' },
  'a dose before': { ...dose, effectiveDateTime: '2025-02-11' },
  'a dose until then': { ...dose, effectivePeriod: { end: '2026-02-01' } },
  'what was prepared in time': { ...dispense, whenPrepared: '2026-02-12' },
  'what was prepared in time and handed over later': {
    ...dispense,
    whenPrepared: '2026-02-12',
    whenHandedOver: '2026-03-12',
  },
  'a request in time': { ...request, authoredOn: '2026-02-13' },
  'a request in time for later': { ...request, authoredOn: '2026-02-13', occurrenceDateTime: '2026-04-01' },
  'a request without a date': request,
  'a reading in time': { ...reading, effectiveDateTime: '2026-02' },
  'a reading after': { ...reading, effectiveDateTime: '2026-03-01' },
  'a reading without a date': reading,
}
const names = new Map<string | undefined, string>()
for (const [name, resource] of Object.entries(made)) names.set(await create({ ...resource, subject }), name)

const everythingOf = async (bounds: string): Promise<readonly string[]> => {
  const { body } = await server.inject({ url: `/fhir/Patient/${patient}/$everything?_count=1000&${bounds}`, headers })
  const { entry = [] }: Bundle = JSON.parse(body)
  return entry.flatMap(({ resource }) => names.get(resource?.id) ?? []).toSorted()
}

t.test(
  'care is in time by its own date, or else by that of its order or preparation; what has none is always there',
  async t => {
    const undated = ['a reading without a date', 'a request without a date']
    const before = ['a dose before', 'an order before']
    const within = [
      'a dose in time',
      'a dose until then',
      'a reading in time',
      'a request in time',
      'an order in time',
      'what was prepared in time',
    ]
    const later = ['a reading after', 'a request in time for later', 'what was prepared in time and handed over later']
    t.strictSame(await everythingOf('start=2026-02-01&end=2026-02-28'), [...within, ...undated].toSorted())
    t.strictSame(await everythingOf('start=2026-02-01'), [...within, ...later, ...undated].toSorted())
    t.strictSame(await everythingOf('end=2026-02-28'), [...before, ...within, ...undated].toSorted())
  },
)
