import type { Meta, Observation, Quantity } from '@medplum/fhirtypes'
import { canonicalBase, systems } from '../fhir/canonical.ts'
import { type CgmObservation, cgmFigures, cgmProfile, cgmSummary, cgmTimesInRanges } from '../fhir/measured/cgm.ts'
import { type GlucoseUnit, interstitialGlucose } from '../fhir/measured/glucose.ts'
import { type DaysAsked, daysAskedIn } from './days-asked.ts'
import { type GlucoseProfile, glucoseParameters, glucoseUnitOf, readGlucoseProfile } from './glucose-profile.ts'
import type { Operation } from './operation.ts'
import { only, patientOf, primitivesOf, requireKnown } from './parameters.ts'
import { type Code, codesOf } from './readings-asked.ts'
import { collectionOf, leftOutOf, newUrl, rounded, summaryOf } from './summary.ts'

/** Ours: `fhir-profiles/OperationDefinition-Observation-cgm-summary.json`. */
export const cgmSummaryOperation: Operation = {
  name: 'cgm-summary',
  definition: `${canonicalBase}/OperationDefinition/Observation-cgm-summary`,
  at: { type: 's' },
  types: ['Observation'],
  methods: ['GET', 'POST'],
  takes: () => ({ primitives: glucoseParameters }),
  documentation:
    'What a glucose sensor measured for one Patient over some days, as the summary Observations of the HL7 guide on CGM (mean, GMI, variation, times in ranges, days of wear, sensor active), in a Bundle. Made from the readings that the caller may search at that moment, and stored nowhere.',
  handler: async (request, context) => {
    const asked = parseSummary(primitivesOf(request, glucoseParameters), context.base)
    const profile = await readGlucoseProfile(context, asked)
    return collectionOf(
      rangedOf(profile) === 0 ? [] : toSummary(profile, asked),
      leftOutOf(profile.leftOut, withoutNumber),
    )
  },
}

const withoutNumber =
  'without a number in mg/dL or mmol/L, or with one that cannot be: in no figure, but that what is certainly below 54 or above 250 mg/dL is in the times in ranges'

type Asked = DaysAsked & {
  readonly patient: string
  readonly codes: readonly Code[]
  readonly unit: GlucoseUnit
}

const parseSummary = (given: URLSearchParams, base: string): Asked => {
  requireKnown('cgm-summary', given, Object.keys(glucoseParameters))
  const codes = codesOf(given)
  return {
    patient: patientOf(only(given, 'subject'), base),
    codes: codes.length === 0 ? interstitialGlucose : codes,
    unit: glucoseUnitOf(only(given, 'unit') ?? 'mg/dL'),
    ...daysAskedIn(given),
  }
}

/** How many readings are in a range: those with a number, and those of which it is certain that they are low or high. */
const rangedOf = ({ ranges }: GlucoseProfile): number => ranges.reduce((sum, count) => sum + count, 0)

/** The summary that has all others as its members comes first. */
const toSummary = (profile: GlucoseProfile, asked: Asked) => {
  const members = membersOf(profile, asked).map(resource => ({ fullUrl: newUrl(), resource }))
  const hasMember = members.map(({ fullUrl }) => ({ reference: fullUrl }))
  const { meta, ...summary } = {
    ...toObservation(cgmSummary, loinc(cgmSummary.code), rangedOf(profile), asked),
    hasMember,
  }
  const isWhole = members.length === wholeMembers
  return [{ fullUrl: newUrl(), resource: { ...summary, ...(isWhole ? { meta } : {}) } }, ...members]
}

/** With a single reading there is no variation, without a number no mean, and so not all that the profile requires of a summary. */
const wholeMembers = 6

const membersOf = (profile: GlucoseProfile, asked: Asked): readonly Observation[] => {
  const { count, mean, gmi, variation, days, active } = profile
  const figure = (figured: CgmObservation, value: number | null, of = rangedOf(profile)): Observation[] =>
    value === null
      ? []
      : [
          {
            ...toObservation(figured, loinc(figured.code), of, asked),
            valueQuantity: quantityOf(value, figured.quantity),
          },
        ]
  return [
    ...figure(cgmFigures[`mean-${asked.unit}`], mean, count),
    timesInRanges(profile, asked),
    ...figure(cgmFigures.gmi, gmi, count),
    ...figure(cgmFigures.variation, variation, count),
    ...figure(cgmFigures.days, days),
    ...figure(cgmFigures.active, active),
  ]
}

const timesInRanges = (profile: GlucoseProfile, asked: Asked): Observation => ({
  ...toObservation(cgmTimesInRanges, loinc(cgmTimesInRanges.code), rangedOf(profile), asked),
  component: cgmTimesInRanges.ranges.map((code, index) => ({
    code: { coding: [loinc(code)] },
    valueQuantity: quantityOf(profile.shares[index] ?? 0, cgmTimesInRanges.quantity),
  })),
})

const loinc = (code: string) => ({ system: systems.loinc, code })

const quantityOf = (value: number, { code, unit }: CgmObservation['quantity']): Quantity => ({
  value: rounded(value),
  unit,
  system: systems.ucum,
  code,
})

const toObservation = (
  { profile }: { readonly profile: string },
  coding: { readonly system: string; readonly code: string },
  count: number,
  asked: Asked,
): Observation & { readonly meta: Meta } => ({
  ...summaryOf({ ...asked, coding, count }),
  meta: { profile: [cgmProfile(profile)] },
  category: [{ coding: [{ system: systems.observationCategory, code: 'laboratory' }] }],
})
