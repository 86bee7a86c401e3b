import { v5 } from 'uuid'
import { standardExtensions, systems } from '../../fhir/canonical.ts'
import { type Measure, measures, type Participant, type Source, sources } from './cast.ts'
import { offsetHours, type Reading } from './physiology.ts'

/**
 * The interface that an app uses: the contract of the JupyterHealth Exchange, with the document in R5's attachment; or FHIR R4, with the
 * document in the extension for it.
 */
export type Contract = 'jhe' | 'r4'

/** All apps of an institution's people use the same one. */
export const contractOf = ({ home }: Pick<Participant, 'home'>): Contract => (home === 'northlake' ? 'jhe' : 'r4')

/** An Observation as phone apps send it, with one coding. https://w3id.org/ieee1752 */
export const toObservation = (
  person: Participant,
  reading: Reading,
  { patient, device }: { readonly patient: string; readonly device: string },
) => {
  const document = toDocument(person, reading)
  const valueAttachment = {
    contentType: 'application/json',
    data: Buffer.from(JSON.stringify(document)).toString('base64'),
  }
  return {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: systems.omh, code: measures[reading.measure].schema }] },
    subject: { reference: `Patient/${patient}` },
    device: { reference: `Device/${device}` },
    identifier: [{ system: 'urn:ietf:rfc:3986', value: `urn:uuid:${document.header.uuid}` }],
    ...(contractOf(person) === 'jhe'
      ? { valueAttachment }
      : { extension: [{ url: standardExtensions.observationValue, valueAttachment }] }),
  }
}

/** With the header of IEEE 1752.1. The uuid is always the same for the same reading, so that sending it again adds nothing. */
const toDocument = (person: Participant, reading: Reading) => {
  const { measure, source, start, end, values } = reading
  const [namespace, name, version] = measures[measure].schema.split(':')
  return {
    header: {
      uuid: v5(`${person.number}/${measure}/${source}/${start}`, namespaceUuid),
      schema_id: { namespace, name, version },
      source_creation_date_time: localTime(person, end),
      modality: 'sensed',
      external_datasheets: [{ datasheet_type: 'manufacturer', datasheet_reference: datasheetOf(source) }],
    },
    body: { ...bodies[measure](values), effective_time_frame: frameOf(person, start, end) },
  }
}

const namespaceUuid = v5('https://sharewell.dev/demo', v5.URL)

const datasheetOf = (source: Source): string => `https://${sources[source].manufacturer.toLowerCase()}.example`

const bodies: Readonly<Record<Measure, (values: readonly number[]) => object>> = {
  glucose: ([value]) => ({ blood_glucose: { value, unit: 'mg/dL' }, specimen_source: 'interstitial fluid' }),
  heartRate: ([value]) => ({ heart_rate: { value, unit: 'beats/min' } }),
  bloodPressure: ([systolic, diastolic]) => ({
    systolic_blood_pressure: { value: systolic, unit: 'mmHg' },
    diastolic_blood_pressure: { value: diastolic, unit: 'mmHg' },
    body_posture: 'sitting',
    measurement_location: 'left upper arm',
  }),
  steps: ([value]) => ({ step_count: { value, unit: 'steps' } }),
  sleep: ([value]) => ({ sleep_duration: { value, unit: 'min' } }),
}

const frameOf = (person: Participant, start: number, end: number) =>
  start === end
    ? { date_time: localTime(person, start) }
    : { time_interval: { start_date_time: localTime(person, start), end_date_time: localTime(person, end) } }

/** The time with the offset of the person's clock. */
export const localTime = ({ home }: Pick<Participant, 'home'>, time: number): string => {
  const offset = offsetHours[home]
  const local = new Date(time + offset * 3_600_000).toISOString().slice(0, 19)
  return `${local}${offset < 0 ? '-' : '+'}${String(Math.abs(offset)).padStart(2, '0')}:00`
}
