import { atOnce } from '../../src/fhir/give-way.ts'
import { openCodeClasses } from '../../src/fhir/measured/code-class.ts'
import { openMhealth } from '../../src/mhealth/mhealth.ts'
import { defaultPolicy, type ValidationPolicy } from '../../src/mhealth/policy.ts'

export const mhealth = openMhealth({
  codeClasses: openCodeClasses(),
  now: () => Date.parse('2026-11-01T00:00:00Z'),
})

/** An Observation as today's apps send it: the document in R5's attachment, one coding. */
export const upload = (document: unknown, more: Record<string, unknown> = {}) => {
  const text = typeof document === 'string' ? document : JSON.stringify(document)
  return {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'https://w3id.org/openmhealth', code: codeOf(JSON.parse(text)) }] },
    subject: { reference: 'Patient/ann' },
    device: { reference: 'Device/cuff' },
    valueAttachment: { contentType: 'application/json', data: Buffer.from(text).toString('base64') },
    ...more,
  }
}

const codeOf = (document: { header?: { schema_id?: Record<string, string> } }): string => {
  const { namespace, name, version } = document.header?.schema_id ?? {}
  return `${namespace}:${name}:${version}`
}

export const at = { date_time: '2026-03-01T07:30:00+01:00' }

/** A data point with an IEEE 1752.1 header. */
export const point = (id: string, body: unknown, header: Record<string, unknown> = {}) => {
  const [namespace, name, version] = id.split(':')
  return {
    header: {
      uuid: '0a6f3c1e-5b7d-4c2a-9e8f-112233445566',
      schema_id: { namespace, name, version },
      source_creation_date_time: '2026-03-01T07:31:00+01:00',
      modality: 'sensed',
      ...header,
    },
    body,
  }
}

export const heartRate = (value: unknown = 64, more: Record<string, unknown> = {}) =>
  point('omh:heart-rate:2.0', { heart_rate: { value, unit: 'beats/min' }, effective_time_frame: at, ...more })

/** The result, for reading in tests. */
export const receive = (observation: unknown, policy: ValidationPolicy = defaultPolicy) => {
  const { resource, ...rest } = atOnce(mhealth.receive(observation)).under(policy)
  // biome-ignore lint/suspicious/noExplicitAny: tests read into any part of the answer
  return { resource: JSON.parse(JSON.stringify(resource)) as any, text: JSON.stringify(resource), ...rest }
}
