import { systems } from '../fhir/canonical.ts'
import { openMhealthMaps } from '../fhir/measured/open-mhealth-maps.ts'
import type { Coding } from './codings.ts'

/**
 * The coding with the name that its system gives to the code, for apps that show names: that of LOINC, or that of our CodeSystems of schemas. The names
 * of SNOMED CT may not be passed on to everybody.
 */
export const named = (coding: Coding): Coding => {
  const display = nameOf(coding)
  return display === undefined ? coding : { ...coding, display }
}

const nameOf = ({ system, code }: Coding): string | undefined =>
  system === systems.loinc ? loinc.get(code) : (schemas.get(code) ?? schemas.get(withoutVersion(code)))

/** A version that is not known is named as its schema. */
const withoutVersion = (code: string): string => code.split(':').slice(0, 2).join(':')

const schemas: ReadonlyMap<string, string> = new Map(
  openMhealthMaps.codeSystems.flatMap(({ concept }) =>
    concept.flatMap(one => [one, ...(one.concept ?? [])].map(({ code, display }) => [code, display] as const)),
  ),
)

/** Of a kind of measurement in words, without a version; undefined if the schema is none of those that are known. */
export const schemaName = (code: string): string | undefined => schemas.get(withoutVersion(code))

type Named = {
  readonly system?: string | undefined
  readonly code?: string | undefined
  readonly display?: string | undefined
}

/** Whether the name of a coding is the one that is given here, and so no word of whoever sent it. */
export const isGivenName = ({ system = '', code = '', display }: Named): boolean => display === nameOf({ system, code })

/** The same for the text of a concept with these codings. */
export const isGivenText = (text: string, codings: readonly Named[]): boolean =>
  codings.some(({ code = '' }) => text === schemaName(code))

/** https://loinc.org/license: names may be passed on unchanged, with the notice that the ConceptMap has. */
const loinc: ReadonlyMap<string, string> = new Map([
  ...openMhealthMaps.loinc.group.flatMap(({ element }) =>
    element.flatMap(({ target }) =>
      target.flatMap(({ code, display }) => (display === undefined ? [] : [[code, display] as const])),
    ),
  ),
  ['8480-6', 'Systolic blood pressure'],
  ['8462-4', 'Diastolic blood pressure'],
  ['96608-5', 'Systolic blood pressure mean'],
  ['96609-3', 'Diastolic blood pressure mean'],
  ['93830-8', 'Light sleep duration'],
  ['93831-6', 'Deep sleep duration'],
  ['93829-0', 'REM sleep duration'],
  ['55411-3', 'Exercise duration'],
  ['3151-8', 'Inhaled oxygen flow rate'],
])
