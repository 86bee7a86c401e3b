import { systems } from '../fhir/canonical.ts'
import type { Coding, Codings } from './codings.ts'
import { asText, type JsonRecord } from './json-tree.ts'

const circumstances: readonly (readonly [path: string, code: Coding])[] = [
  ['body_posture', { system: systems.snomed, code: '271605009' }],
  ['position_during_measurement', { system: systems.snomed, code: '271605009' }],
  ...['physical_activity', 'sleep', 'meal'].map((what): [string, Coding] => {
    const path = `temporal_relationship_to_${what}`
    return [path, { system: systems.omhElement, code: path }]
  }),
]

const specimen = ['specimen_source', 'blood_specimen_type'].map((path): readonly [string, Coding] => [
  path,
  { system: systems.omhElement, code: 'specimen_source' },
])

/** What the document says about the circumstances of the measurement; the specimen only if no LOINC code says it already. */
export const circumstancesOf = (
  body: JsonRecord,
  codings: Codings,
  loinc: readonly Coding[],
): readonly JsonRecord[] => {
  return [...circumstances, ...(loinc.length > 0 ? [] : specimen)].flatMap(([path, code]) => {
    const words = asText(body[path])
    return words === undefined ? [] : [{ code: { coding: [code] }, valueCodeableConcept: toConcept(words, codings) }]
  })
}

const toConcept = (words: string, codings: Codings) => {
  const coding = codings.answer(words)
  return { ...(coding === undefined ? {} : { coding: [coding] }), text: words }
}

/** The body site; for a series, only if it is the same for all points. */
export const bodySite = (bodies: readonly JsonRecord[], codings: Codings) => {
  const places = bodies.map(body => asText(body.measurement_location))
  const [place, ...others] = places
  return place === undefined || others.some(one => one !== place) ? {} : { bodySite: toConcept(place, codings) }
}

/** In the words of the person who was measured. */
export const noteOf = (body: JsonRecord) => {
  const text = wordsIn(asText(body.user_notes) ?? '')
  return text === undefined ? {} : { note: [{ text }] }
}

/**
 * The text as FHIR allows it, without control characters; undefined if it is blank, or longer than a megabyte. A document is not refused for
 * that, since it is kept and still has the whole text. https://hl7.org/fhir/R4/datatypes.html#string
 */
export const wordsIn = (said: string): string | undefined => {
  const text = said.replace(control, ' ').toWellFormed()
  return text.trim() === '' || text.length > mostText ? undefined : text
}

/** All but tabs and the ends of lines. */
const control = /[^\P{Cc}\t\r\n]/gu
const mostText = 1_048_576
