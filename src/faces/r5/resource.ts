import { standardExtensions, systems } from '../../fhir/canonical.ts'
import { asList, asRecord, asText, type JsonRecord } from '../../mhealth/json-tree.ts'

/** A resource as in R5, if it is of a type that is served and differs from R4. https://hl7.org/fhir/R5/diff.html */
export const toR5 = (resource: JsonRecord): JsonRecord => {
  const translate = translations[asText(resource.resourceType) ?? '']
  const { contained, ...translated } = translate?.(resource) ?? resource
  return defined({ ...translated, contained: contained && recordsOf(contained).map(toR5) })
}

type Translate = (resource: JsonRecord) => JsonRecord

/**
 * A value has only one type. If the Observation has a document, that is its value, as it was sent. What was derived from it, and the profiles
 * that this obeys, are only in R4.
 */
const observation: Translate = ({ extension, meta, code, component, ...rest }) => {
  const isDocument = (one: JsonRecord) => one.url === standardExtensions.observationValue && 'valueAttachment' in one
  const document = recordsOf(extension).find(isDocument)
  const components = component && recordsOf(component).map(withInterval)
  if (document === undefined) return defined({ ...withInterval(rest), extension, meta, code, component: components })
  const { profile: _, ...others } = asRecord(meta) ?? {}
  return defined({
    ...Object.fromEntries(Object.entries(rest).filter(([name]) => !isValue.test(name))),
    meta: others,
    extension: listed(recordsOf(extension).filter(one => !isDocument(one))),
    code: schemaFirst(asRecord(code) ?? {}),
    valueAttachment: attachment(asRecord(document.valueAttachment) ?? {}),
    component: components,
  })
}

const isValue = /^_?value[A-Z]|^dataAbsentReason$/

/** Today's clients only read the first coding. */
const schemaFirst = (code: JsonRecord): JsonRecord => ({
  ...code,
  coding: recordsOf(code.coding).toSorted((one, other) => Number(isSchema(other)) - Number(isSchema(one))),
})

const isSchema = ({ system }: JsonRecord): boolean => system === systems.omh || system === systems.ieee

/** "integer64 … represented as a string": https://hl7.org/fhir/R5/json.html#primitive */
const attachment: Translate = ({ size, ...rest }) => ({ ...rest, ...(size !== undefined && { size: String(size) }) })

/** The interval in milliseconds, as in R4, or none if the samples have times of their own. https://hl7.org/fhir/R5/datatypes.html#SampledData */
const withInterval: Translate = element => {
  const sampled = asRecord(element.valueSampledData)
  if (sampled === undefined) return element
  const { period, extension, ...rest } = sampled
  const isOffsets = (one: JsonRecord) => one.url === standardExtensions.sampledDataOffsets
  const offsets = recordsOf(extension).find(isOffsets)?.valueString
  const kept = listed(recordsOf(extension).filter(one => !isOffsets(one)))
  const timed = offsets === undefined ? { interval: period } : { offsets }
  return { ...element, valueSampledData: defined({ ...rest, extension: kept, ...timed, intervalUnit: 'ms' }) }
}

const group: Translate = ({ actual, ...rest }) => ({ ...rest, membership: actual ? 'enumerated' : 'definitional' })

/** The elements that have the same name and meaning in R5, and those that it has moved. */
const device: Translate = ({ deviceName, type, status, udiCarrier, ...rest }) =>
  defined({
    ...Object.fromEntries(Object.entries(rest).filter(([name]) => deviceElements.has(name))),
    status: status === 'unknown' ? undefined : status,
    udiCarrier: listed(recordsOf(udiCarrier).filter(one => 'deviceIdentifier' in one && 'issuer' in one)),
    name: listed(recordsOf(deviceName).map(({ name, type }) => ({ value: name, type: nameTypes[String(type)] }))),
    type: type && [type],
  })

const deviceElements: ReadonlySet<string> = new Set([
  ...['resourceType', 'id', 'meta', 'implicitRules', 'language', 'text', 'contained', 'extension', 'identifier'],
  ...['manufacturer', 'manufactureDate', 'expirationDate', 'lotNumber', 'serialNumber', 'modelNumber', 'partNumber'],
  ...['version', 'owner', 'contact', 'location', 'url', 'note', 'safety', 'parent'],
])

const nameTypes: Readonly<Record<string, string>> = {
  'udi-label-name': 'registered-name',
  'user-friendly-name': 'user-friendly-name',
  'patient-reported-name': 'patient-reported-name',
  'manufacturer-name': 'registered-name',
  'model-name': 'registered-name',
  other: 'user-friendly-name',
}

/** https://hl7.org/fhir/R5/metadatatypes.html#ExtendedContactDetail */
const organization: Translate = ({ telecom, address, contact, ...rest }) => {
  const [first, ...others] = recordsOf(address)
  const own: readonly JsonRecord[] =
    telecom === undefined && first === undefined ? [] : [defined({ telecom, address: first })]
  const people = recordsOf(contact).map(({ name, ...one }) => defined({ ...one, name: name && [name] }))
  return defined({ ...rest, contact: listed([...own, ...others.map(one => ({ address: one })), ...people]) })
}

const pictured: Translate = ({ photo, ...rest }) =>
  defined({ ...rest, photo: photo && recordsOf(photo).map(attachment) })

const practitioner: Translate = ({ communication, ...rest }) =>
  defined({ ...pictured(rest), communication: communication && asList(communication).map(language => ({ language })) })

const bundle: Translate = ({ entry, ...rest }) => ({ ...rest, entry: recordsOf(entry).map(entryToR5) })

export const entryToR5: Translate = entry => {
  const resource = asRecord(entry.resource)
  return resource === undefined ? entry : { ...entry, resource: toR5(resource) }
}

const translations: Readonly<Record<string, Translate>> = {
  Observation: observation,
  Group: group,
  Device: device,
  Organization: organization,
  Patient: pictured,
  Practitioner: practitioner,
  Bundle: bundle,
}

const recordsOf = (value: unknown): readonly JsonRecord[] =>
  asList(value).flatMap((one): readonly JsonRecord[] => [asRecord(one) ?? []].flat())

/** FHIR has no empty lists. */
const listed = (list: readonly unknown[]): readonly unknown[] | undefined => (list.length === 0 ? undefined : list)

const defined = (record: JsonRecord): JsonRecord =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))
