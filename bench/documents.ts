import { randomUUID } from 'node:crypto'
import { systems } from '../src/fhir/canonical.ts'

/** What the devices of the bench measure. */
export const measures = {
  glucose: { kind: 'omh:blood-glucose', schema: ['omh', 'blood-glucose', '4.0'], body: glucose },
  heartRate: { kind: 'omh:heart-rate', schema: ['omh', 'heart-rate', '2.0'], body: heartRate },
  bodyWeight: { kind: 'omh:body-weight', schema: ['omh', 'body-weight', '2.0'], body: bodyWeight },
  bloodPressure: { kind: 'omh:blood-pressure', schema: ['omh', 'blood-pressure', '4.0'], body: bloodPressure },
} as const

export type Measure = keyof typeof measures

/** An Observation as phone apps send it: with a new document in R5's valueAttachment, and one coding. */
export const observationOf = (patient: string, measure: Measure, time: Date) => {
  const { schema, body } = measures[measure]
  const [namespace, name, version] = schema
  const uuid = randomUUID()
  const document = {
    header: {
      uuid,
      schema_id: { namespace, name, version },
      source_creation_date_time: time.toISOString(),
      modality: 'sensed',
      external_datasheets: [{ datasheet_type: 'manufacturer', datasheet_reference: 'https://acme.example' }],
    },
    body: { ...body(), effective_time_frame: { date_time: time.toISOString() } },
  }
  return {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: systems.omh, code: schema.join(':') }] },
    subject: { reference: `Patient/${patient}` },
    device: { reference: 'Device/bench-sensor' },
    identifier: [{ system: 'urn:ietf:rfc:3986', value: `urn:uuid:${uuid}` }],
    valueAttachment: {
      contentType: 'application/json',
      data: Buffer.from(JSON.stringify(document)).toString('base64'),
    },
  }
}

/** The text of a batch Bundle of new documents of one patient, a minute apart. */
export const bundleOf = (patient: string, count: number, start: Date): string =>
  JSON.stringify({
    resourceType: 'Bundle',
    type: 'batch',
    entry: Array.from({ length: count }, (_, index) => ({
      resource: observationOf(patient, index % 2 === 0 ? 'glucose' : 'heartRate', minutesAfter(start, index)),
      request: { method: 'POST', url: 'Observation' },
    })),
  })

export const minutesAfter = (start: Date, minutes: number): Date => new Date(start.getTime() + minutes * 60_000)

function glucose() {
  return {
    blood_glucose: { value: between(60, 240), unit: 'mg/dL' },
    specimen_source: 'interstitial fluid',
  }
}

function heartRate() {
  return { heart_rate: { value: between(50, 140), unit: 'beats/min' } }
}

function bodyWeight() {
  return { body_weight: { value: between(500, 1100) / 10, unit: 'kg' } }
}

function bloodPressure() {
  return {
    systolic_blood_pressure: { value: between(100, 180), unit: 'mmHg' },
    diastolic_blood_pressure: { value: between(60, 100), unit: 'mmHg' },
  }
}

function between(low: number, high: number): number {
  return low + Math.floor(Math.random() * (high - low))
}
