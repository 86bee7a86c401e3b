import { systems } from '../fhir/canonical.ts'
import { cgmProfile, cgmReadings } from '../fhir/measured/cgm.ts'
import { codingKey } from './codings.ts'
import { asList, asRecord, type JsonRecord } from './json-tree.ts'

/**
 * The profiles that an Observation made from a document claims: of those for its codes, the ones that it obeys. What they require is written
 * here as tests of a few elements, since every upload is tested; a test compares these with `$validate`, which reads the definitions. An
 * Observation with a Period claims none, since validators differ on what vs-1 means for it.
 */
export const claimsOf = (observation: JsonRecord): readonly string[] => {
  if (observation.subject === undefined || !isOfDay(observation.effectiveDateTime)) return []
  return asList(asRecord(observation.code)?.coding).flatMap(coding => {
    const { system, code } = asRecord(coding) ?? {}
    const claim = system === systems.loinc ? claims.get(code) : undefined
    return claim?.isObeyed(observation) ? [claim.url] : []
  })
}

type Claim = { readonly url: string; readonly isObeyed: (observation: JsonRecord) => boolean }

const isOfDay = (time: unknown): boolean => typeof time === 'string' && time.length >= '2026-03-01'.length

/** http://hl7.org/fhir/R4/observation-vitalsigns.html, with the value in one of the units. */
const vitalSign = (profile: string, ...units: readonly string[]): Claim => ({
  url: `http://hl7.org/fhir/StructureDefinition/${profile}`,
  isObeyed: observation => isVitalSign(observation) && isQuantity(observation.valueQuantity, units),
})

const bloodPressure: Claim = {
  url: 'http://hl7.org/fhir/StructureDefinition/bp',
  isObeyed: observation =>
    isVitalSign(observation) && choiceOf(observation) === undefined && hasPart(observation, '8480-6', '8462-4'),
}

const hasPart = ({ component }: JsonRecord, ...codes: readonly string[]): boolean =>
  codes.every(code => {
    const parts = asList(component).filter(one => isCoded(asRecord(one)?.code, code))
    return parts.length === 1 && isQuantity(asRecord(parts[0])?.valueQuantity, ['mm[Hg]'])
  })

const isCoded = (concept: unknown, code: string): boolean =>
  asList(asRecord(concept)?.coding).some(one => asRecord(one)?.system === systems.loinc && asRecord(one)?.code === code)

const isVitalSign = ({ category, component }: JsonRecord): boolean =>
  isInCategory(asList(category)) && asList(component).every(isVitalPart)

/** Whether there is a category of vital signs that has no other coding. */
const isInCategory = (categories: readonly unknown[]): boolean => {
  const codings = categories.map(one => asList(asRecord(one)?.coding).map(codingKey))
  return (
    codings.filter(keys => keys.includes(vitalSigns)).length === 1 && codings.some(keys => keys.join() === vitalSigns)
  )
}

const vitalSigns = `${systems.observationCategory}|vital-signs`

/** Each part has a value; if that has a unit's code, it is one of http://hl7.org/fhir/R4/valueset-ucum-vitals-common.html. */
const isVitalPart = (component: unknown): boolean => {
  const part = asRecord(component) ?? {}
  const choice = choiceOf(part)
  if (choice === undefined) return part.dataAbsentReason !== undefined
  return choice === 'valueQuantity' && isQuantity(part.valueQuantity, commonUnits)
}

const choiceOf = (record: JsonRecord): string | undefined => Object.keys(record).find(name => /^value[A-Z]/.test(name))

const isQuantity = (value: unknown, units: readonly string[], unit?: string): boolean => {
  const quantity = asRecord(value)
  return (
    quantity?.value !== undefined &&
    quantity.system === systems.ucum &&
    units.some(unit => unit === quantity.code) &&
    (unit === undefined ? quantity.unit !== undefined : quantity.unit === unit)
  )
}

const commonUnits = ['%', 'cm', '[in_i]', 'kg', 'g', '[lb_av]', 'Cel', '[degF]', 'mm[Hg]', '/min', 'kg/m2', 'm2']

/** By the LOINC code that the profile requires. */
const claims: ReadonlyMap<unknown, Claim> = new Map<unknown, Claim>(
  Object.entries({
    '85354-9': bloodPressure,
    '8867-4': vitalSign('heartrate', '/min'),
    '9279-1': vitalSign('resprate', '/min'),
    '2708-6': vitalSign('oxygensat', '%'),
    '8310-5': vitalSign('bodytemp', 'Cel', '[degF]'),
    '8302-2': vitalSign('bodyheight', 'cm', '[in_i]'),
    '29463-7': vitalSign('bodyweight', 'kg', 'g', '[lb_av]'),
    '39156-5': vitalSign('bmi', 'kg/m2'),
    ...Object.fromEntries(
      cgmReadings.map(({ profile, code, quantity }): [string, Claim] => [
        code,
        {
          url: cgmProfile(profile),
          isObeyed: ({ valueQuantity }) => isQuantity(valueQuantity, [quantity.code], quantity.unit),
        },
      ]),
    ),
  }),
)

/** All profiles that any Observation may claim. */
export const claimedProfiles: readonly string[] = [...claims.values()].map(({ url }) => url)
