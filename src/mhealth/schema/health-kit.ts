import { intensity } from './activity.ts'
import {
  body,
  type Field,
  flag,
  list,
  number,
  oneOf,
  quantity,
  record,
  type Shape,
  split,
  text,
  value,
  words,
} from './row.ts'
import { kcal, length, omhFrame } from './values.ts'

const named = (prefix: string, names: readonly string[]): readonly string[] => names.map(name => `${prefix}${name}`)

const firstQuantities = [
  ...split('BodyMassIndex; BodyFatPercentage; Height; BodyMass; LeanBodyMass; StepCount; DistanceWalkingRunning'),
  ...split('DistanceCycling; BasalEnergyBurned; ActiveEnergyBurned; FlightsClimbed; NikeFuel; HeartRate'),
  ...split('BodyTemperature; BloodPressureSystolic; BloodPressureDiastolic; RespiratoryRate; OxygenSaturation'),
  ...split('PeripheralPerfusionIndex; BloodGlucose; NumberOfTimesFallen; ElectrodermalActivity; InhalerUsage'),
  ...split('BloodAlcoholContent; ForcedVitalCapacity; ForcedExpiratoryVolume1; PeakExpiratoryFlowRate'),
  ...named('Dietary', [
    ...split('FatTotal; FatPolyunsaturated; FatMonounsaturated; FatSaturated; Cholesterol; Sodium; Carbohydrates'),
    ...split('Fiber; Sugar; EnergyConsumed; Protein; VitaminA; VitaminB6; VitaminB12; VitaminC; VitaminD; VitaminE'),
    ...split('VitaminK; Calcium; Iron; Thiamin; Riboflavin; Niacin; Folate; Biotin; PantothenicAcid; Phosphorus'),
    ...split('Iodine; Magnesium; Zinc; Selenium; Copper; Manganese; Chromium; Molybdenum; Chloride; Potassium'),
    ...split('Caffeine'),
  ]),
]
const laterQuantities = split('DietaryWater; BasalBodyTemperature; UVExposure')
const laterCategories = split(
  'AppleStandHour; CervicalMucusQuality; OvulationTestResult; MenstrualFlow; IntermenstrualBleeding; SexualActivity',
)

const quantityTypes = (...names: readonly string[]) => words(...named('HKQuantityTypeIdentifier', names))
const categoryTypes = (...names: readonly string[]) => words(...named('HKCategoryTypeIdentifier', names))
const anyQuantityType = quantityTypes(...firstQuantities, ...laterQuantities)
const anyCategoryType = categoryTypes('SleepAnalysis', ...laterCategories)
const correlationType = words(...named('HKCorrelationTypeIdentifier', ['BloodPressure', 'Food']))

const metadata = list(record(['key*', text], ['value*', oneOf(text, number, flag)]))
const inFrame: Field = ['effective_time_frame*', omhFrame]
const withMetadata: Field = ['metadata', metadata]

const quantitySample: Shape = {
  ...record(inFrame, ['quantity_type*', anyQuantityType], withMetadata),
  ...oneOf(record(['unit_value*', quantity()]), record(['count*', number])),
}
const categorySample = record(inFrame, ['category_value*', text], ['category_type*', anyCategoryType], withMetadata)
const some = (of: Shape): Shape => ({ ...list(of), minItems: 1 })
const correlation: Shape = {
  ...record(inFrame, ['correlation_type*', correlationType], withMetadata),
  anyOf: [record(['quantity_samples*', some(quantitySample)]), record(['category_samples*', some(categorySample)])],
}

/** What HealthKit stores, as granola exports it. https://github.com/openmhealth/granola */
export const healthKit = [
  { name: 'granola:hk-quantity-sample', versions: ['1.0'], shape: quantitySample },
  { name: 'granola:hk-category-sample', versions: ['1.0'], shape: categorySample },
  { name: 'granola:hk-correlation', versions: ['1.0'], shape: correlation },
  body(
    'granola:hk-workout',
    '1.0',
    ['activity_name*', text],
    inFrame,
    ['distance', length],
    ['duration', quantity('sec')],
    ['kcal_burned', kcal],
    ['reported_activity_intensity', intensity],
    ['met_value', number],
    withMetadata,
  ),
]

export const healthKitValues = [
  value('granola:hk-metadata', '1.0', metadata),
  value('granola:hk-quantity-type', '1.0', quantityTypes(...firstQuantities)),
  value('granola:hk-quantity-type', '1.1', anyQuantityType),
  value('granola:hk-category-type', '1.0', categoryTypes('SleepAnalysis')),
  value('granola:hk-category-type', '1.1', anyCategoryType),
  value('granola:hk-correlation-type', '1.0', correlationType),
  value('granola:hk-blood-type', '1.0', words('A+', 'A-', 'B+', 'B-', 'AB+', 'O+', 'O-')),
]
