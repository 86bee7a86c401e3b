/** From where in a body the native elements of an Observation are taken. */
export type ElementMap = {
  readonly category?: 'vital-signs' | 'laboratory' | 'activity' | 'exam' | 'procedure'
  /** The field that becomes the value; if absent, the one with the name of the schema in snake case. Null if there is none. */
  readonly value?: string | null
  /** The only UCUM units that the value may have; other units are converted to the first of these. */
  readonly units?: readonly string[]
  /** For a value that is a number without a unit. */
  readonly bare?: BareUnit
  /** The part of the body that has the components. */
  readonly under?: string
  readonly components?: readonly ComponentMap[]
}

/** The unit and UCUM code of a number that has none in the document. */
export type BareUnit = { readonly unit: string; readonly code: string }

export type ComponentMap = {
  readonly path: string
  readonly loinc?: string
  readonly snomed?: string
  /** The code is used for this unit only. */
  readonly unit?: string
  readonly bare?: BareUnit
  /** The LOINC code of the component if it is this statistic. */
  readonly statistic?: { readonly name: string; readonly loinc: string }
}

const plain = (...paths: readonly string[]): readonly ComponentMap[] => paths.map(path => ({ path }))

const mean = (loinc: string) => ({ name: 'average', loinc })

const sleepParts: readonly ComponentMap[] = [
  { path: 'total_sleep_time', loinc: '93832-4' },
  { path: 'light_sleep_duration', loinc: '93830-8' },
  { path: 'deep_sleep_duration', loinc: '93831-6' },
  { path: 'rem_sleep_duration', loinc: '93829-0' },
  ...plain('latency_to_sleep_onset', 'latency_to_arising', 'wake_after_sleep_onset', 'number_of_awakenings'),
  ...plain('is_main_sleep', 'sleep_maintenance_efficiency_percentage', 'sleep_efficiency_percentage'),
]

const stageParts = ['rem', 'light', 'deep'].flatMap(stage =>
  plain(`${stage}_sleep_episode_count`, `${stage}_sleep_percentage`),
)

/** By the class of the schema. Any other schema has its value in the field of its own name, and no components. */
const maps: Readonly<Record<string, ElementMap>> = {
  'omh:blood-pressure': {
    category: 'vital-signs',
    value: null,
    components: [
      { path: 'systolic_blood_pressure', loinc: '8480-6', snomed: '271649006', statistic: mean('96608-5') },
      { path: 'diastolic_blood_pressure', loinc: '8462-4', snomed: '271650006', statistic: mean('96609-3') },
    ],
  },
  'omh:heart-rate': { category: 'vital-signs' },
  'omh:blood-glucose': { category: 'laboratory' },
  'omh:body-temperature': { category: 'vital-signs', units: ['Cel', '[degF]'] },
  'omh:body-weight': {
    category: 'vital-signs',
    units: ['kg', 'g', '[lb_av]'],
    components: plain(
      ...['fat', 'skeletal_muscle_mass', 'water_mass', 'bone_mass'].flatMap(part => [
        `body_${part}_percentage`,
        `body_${part}_weight`,
      ]),
    ),
  },
  'omh:body-height': { category: 'vital-signs', units: ['cm', '[in_i]'] },
  'omh:body-mass-index': { category: 'vital-signs' },
  'omh:body-fat-percentage': { category: 'exam' },
  'omh:oxygen-saturation': {
    category: 'vital-signs',
    components: [
      { path: 'supplemental_oxygen_flow_rate', loinc: '3151-8' },
      ...plain('oxygen_therapy_mode_of_administration'),
    ],
  },
  'omh:respiratory-rate': { category: 'vital-signs' },
  'omh:rr-interval': { category: 'vital-signs' },
  'local:heart-rate-variability': { category: 'vital-signs' },
  'omh:step-count': { category: 'activity', bare: { unit: 'steps', code: '{steps}' } },
  'omh:physical-activity': {
    category: 'activity',
    value: 'activity_name',
    components: [
      { path: 'duration', loinc: '55411-3' },
      { path: 'kcal_burned', loinc: '41981-2' },
      { path: 'base_movement_quantity', loinc: '55423-8', unit: 'steps' },
      ...plain('distance', 'cumulative_elevation_gain', 'average_speed', 'average_cadence'),
      { path: 'met_value', bare: { unit: 'MET', code: '[MET]' } },
      ...plain('duration_light_activity', 'duration_moderate_activity', 'duration_vigorous_activity'),
      ...plain('reported_activity_intensity'),
    ],
  },
  'omh:calories-burned': { category: 'activity', value: 'kcal_burned', components: plain('activity_name') },
  'omh:minutes-moderate-activity': { category: 'activity' },
  'omh:sleep-duration': { category: 'activity' },
  'omh:total-sleep-time': { category: 'activity', components: plain('is_main_sleep') },
  'omh:sleep-episode': { category: 'activity', value: null, components: sleepParts },
  'ieee:sleep-stage-summary': {
    category: 'activity',
    value: null,
    under: 'sleep_stage_summary',
    components: [...sleepParts, ...stageParts, ...plain('awake_duration', 'awake_percentage')],
  },
  'ieee:deep-sleep': { category: 'activity', value: 'deep_sleep_duration', components: plain('deep_sleep_percentage') },
  'ieee:light-sleep': {
    category: 'activity',
    value: 'light_sleep_duration',
    components: plain('light_sleep_percentage'),
  },
  'ieee:time-in-bed': { category: 'activity' },
  'ieee:sleep-onset-latency': { category: 'activity' },
  'ieee:wake-after-sleep-onset': { category: 'activity' },
  'omh:forced-vital-capacity': { category: 'procedure' },
  'omh:forced-expiratory-volume-1-second': { category: 'procedure' },
  'granola:hk-quantity-sample': {
    value: 'unit_value',
    components: [...plain('quantity_type'), { path: 'count', bare: { unit: 'count', code: '{count}' } }],
  },
  'granola:hk-category-sample': { value: 'category_value', components: plain('category_type') },
  'granola:hk-workout': {
    category: 'activity',
    value: 'activity_name',
    components: [
      { path: 'duration', loinc: '55411-3' },
      { path: 'kcal_burned', loinc: '41981-2' },
      ...plain('distance', 'reported_activity_intensity'),
      { path: 'met_value', bare: { unit: 'MET', code: '[MET]' } },
    ],
  },
  'omh:geoposition': { value: null, components: plain('latitude', 'longitude', 'elevation') },
  'omh:acceleration': { value: null, components: plain('acceleration_x', 'acceleration_y', 'acceleration_z') },
  'omh:magnetic-force': {
    value: null,
    components: plain('magnetic_field_strength_x', 'magnetic_field_strength_y', 'magnetic_field_strength_z'),
  },
  'omh:orientation': {
    value: null,
    components: plain('angular_velocity_x', 'angular_velocity_y', 'angular_velocity_z'),
  },
}

/** The value is in the field of the schema's own name. */
const usual: ElementMap = {}

export const elementMapOf = (classKey: string): ElementMap => maps[classKey] ?? usual
