import { systems } from '../canonical.ts'
import type { ElementDefinition, ProfileDefinition } from '../profile/profile.ts'

/** The HL7 guide on continuous glucose monitoring, 1.0.0: https://hl7.org/fhir/uv/cgm/STU1/ */
const guide = 'http://hl7.org/fhir/uv/cgm'

export const cgmProfile = (name: string): string => `${guide}/StructureDefinition/${name}`

export const cgmOperation = `${guide}/OperationDefinition/submit-cgm-bundle`

/** What a server claims to be that takes the data of sensors as the guide describes it. */
export const cgmReceiver = `${guide}/CapabilityStatement/cgm-data-receiver`

/** What the guide requires of a value, including the spelled unit, since its patterns contain that. */
type Unit = { readonly code: string; readonly unit: string }

/** A profile of Observations with one value, and the LOINC code that it fixes. */
export type CgmObservation = { readonly profile: string; readonly code: string; readonly quantity: Unit }

const massPerVolume = { code: 'mg/dL', unit: 'mg/dl' }
const molesPerVolume = { code: 'mmol/L', unit: 'mmol/l' }
const percent = { code: '%', unit: '%' }

export const cgmReadings: readonly CgmObservation[] = [
  { profile: 'cgm-sensor-reading-mass-per-volume', code: '99504-3', quantity: massPerVolume },
  { profile: 'cgm-sensor-reading-moles-per-volume', code: '105272-9', quantity: molesPerVolume },
]

/** Figures about a period. */
export const cgmFigures = {
  'mean-mg/dL': { profile: 'cgm-summary-mean-glucose-mass-per-volume', code: '97507-8', quantity: massPerVolume },
  'mean-mmol/L': { profile: 'cgm-summary-mean-glucose-moles-per-volume', code: '105273-7', quantity: molesPerVolume },
  gmi: { profile: 'cgm-summary-gmi', code: '97506-0', quantity: percent },
  variation: { profile: 'cgm-summary-coefficient-of-variation', code: '104638-2', quantity: percent },
  days: { profile: 'cgm-summary-days-of-wear', code: '104636-6', quantity: { code: 'd', unit: 'days' } },
  active: { profile: 'cgm-summary-sensor-active-percentage', code: '104637-4', quantity: percent },
} as const satisfies Readonly<Record<string, CgmObservation>>

/** The panel of times in ranges, and the codes of its components from the lowest range to the highest. */
export const cgmTimesInRanges = {
  profile: 'cgm-summary-times-in-ranges',
  code: '106793-3',
  ranges: ['104642-4', '104641-6', '97510-2', '104640-8', '104639-0'],
  quantity: percent,
} as const

/** The summary that has all others as its members. */
export const cgmSummary = { profile: 'cgm-summary', code: '107931-8' } as const

const element = (path: string, more: Omit<ElementDefinition, 'path'> = {}): ElementDefinition => ({
  id: path,
  path: path.replaceAll(/:\w+/g, ''),
  ...more,
})

const conceptOf = (system: string, code: string) => ({ coding: [{ system, code }] })

const quantityOf = ({ code, unit }: Unit) => ({ unit, system: systems.ucum, code })

const required = { min: 1, max: '1' } as const

const optional = { min: 0, max: '1' } as const

/** These may be absent, as the value of any Observation; percentages and days may not. */
const concentrations: ReadonlySet<Unit> = new Set([massPerVolume, molesPerVolume])

/** What the guide requires of an Observation, for `$validate`. */
const definitionOf = (name: string, elements: readonly ElementDefinition[]): ProfileDefinition => ({
  url: cgmProfile(name),
  type: 'Observation',
  snapshot: { element: [element('Observation'), element('Observation.subject', required), ...elements] },
})

const coded = (system: string, code: string): ElementDefinition =>
  element('Observation.code', { ...required, patternCodeableConcept: conceptOf(system, code) })

const valued = (quantity: Unit, path = 'Observation.value[x]'): ElementDefinition =>
  element(path, {
    ...(concentrations.has(quantity) ? optional : required),
    type: [{ code: 'Quantity' }],
    patternQuantity: quantityOf(quantity),
  })

const atMoment = element('Observation.effective[x]', { ...required, type: [{ code: 'dateTime' }] })

const inPeriod: readonly ElementDefinition[] = [
  element('Observation.effective[x]', { ...required, type: [{ code: 'Period' }] }),
  element('Observation.effective[x].start', required),
  element('Observation.effective[x].end', required),
]

const timesInRanges: readonly ElementDefinition[] = [
  element('Observation.component', {
    min: 5,
    slicing: { discriminator: [{ type: 'value', path: 'code' }], rules: 'open' },
  }),
  ...cgmTimesInRanges.ranges.flatMap((code, index) => [
    element(`Observation.component:range${index}`, required),
    element(`Observation.component:range${index}.code`, { patternCodeableConcept: conceptOf(systems.loinc, code) }),
    valued(cgmTimesInRanges.quantity, `Observation.component:range${index}.value[x]`),
  ]),
]

/** Only how many members there are is checked: what they are is only known once they are read. */
export const cgmDefinitions: readonly ProfileDefinition[] = [
  ...cgmReadings.map(({ profile, code, quantity }) =>
    definitionOf(profile, [coded(systems.loinc, code), atMoment, valued(quantity)]),
  ),
  ...Object.values(cgmFigures).map(({ profile, code, quantity }) =>
    definitionOf(profile, [coded(systems.loinc, code), ...inPeriod, valued(quantity)]),
  ),
  definitionOf(cgmTimesInRanges.profile, [coded(systems.loinc, cgmTimesInRanges.code), ...inPeriod, ...timesInRanges]),
  definitionOf(cgmSummary.profile, [
    coded(systems.loinc, cgmSummary.code),
    ...inPeriod,
    element('Observation.hasMember', { min: 6, max: '*' }),
  ]),
]
