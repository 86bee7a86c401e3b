import type { Observation } from '@medplum/fhirtypes'
import { systems } from '../../src/fhir/canonical.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

type Measured = Pick<Observation, 'code' | 'valueQuantity' | 'component' | 'device'>

const coding = (system: string, code: string) => ({ coding: [{ system, code }] })
const quantity = (value: number, code: string) => ({ value, unit: code, system: systems.ucum, code })

/** Two weeks of somebody with a glucose sensor, a cuff and a band, up to a midnight; without the sensor on one of the days. */
export const measurementsOf = (patient: string, sensor: string, until: number): readonly Observation[] =>
  Array.from({ length: 14 }, (_, day) => {
    const midnight = until - (14 - day) * dayMs
    const about = {
      resourceType: 'Observation',
      status: 'final',
      subject: { reference: `Patient/${patient}` },
    } as const
    return [
      ...(day === 5 ? [] : glucoseOf(day, sensor)),
      ...pressureOf(day),
      ...bandOf(day),
      { hour: 7, code: coding(systems.omh, 'omh:body-weight'), valueQuantity: quantity(81.5 - day * 0.1, 'kg') },
    ]
      .map(({ hour, ...measured }): Observation => {
        const effectiveDateTime = new Date(midnight + hour * hourMs).toISOString()
        return { ...about, ...measured, effectiveDateTime }
      })
      .concat({ ...about, ...nightOf(day, midnight) })
  }).flat()

type At = Measured & { readonly hour: number }

const glucoseOf = (day: number, sensor: string): readonly At[] => {
  const meal = (hour: number, at: number) => Math.exp(-(((hour - at) / 1.2) ** 2))
  return Array.from({ length: 96 }, (_, quarter) => {
    const hour = quarter / 4
    const meals = meal(hour, 8.5) + meal(hour, 13) + 1.3 * meal(hour, 19)
    return {
      hour,
      code: coding(systems.loinc, '99504-3'),
      valueQuantity: quantity(Math.round(95 + 85 * meals + 20 * Math.sin(day * 7 + hour / 3)), 'mg/dL'),
      device: { reference: `Device/${sensor}` },
    }
  })
}

const pressureOf = (day: number): readonly At[] =>
  [7, 21].map(hour => ({
    hour,
    code: coding(systems.loinc, '85354-9'),
    component: [
      { code: coding(systems.loinc, '8480-6'), valueQuantity: quantity(128 + ((day * 5 + hour) % 17), 'mm[Hg]') },
      { code: coding(systems.loinc, '8462-4'), valueQuantity: quantity(78 + ((day * 3 + hour) % 11), 'mm[Hg]') },
    ],
  }))

const bandOf = (day: number): readonly At[] =>
  Array.from({ length: 24 }, (_, hour) => [
    {
      hour,
      code: coding(systems.omh, 'omh:heart-rate'),
      valueQuantity: quantity(62 + ((hour * 7 + day) % 31), '/min'),
    },
    { hour, code: coding(systems.omh, 'omh:step-count'), valueQuantity: quantity((hour * 131 + day) % 900, '{steps}') },
  ]).flat()

const nightOf = (day: number, midnight: number) => ({
  code: coding(systems.omh, 'omh:sleep-duration'),
  valueQuantity: quantity(390 + ((day * 37) % 90), 'min'),
  effectivePeriod: {
    start: new Date(midnight - hourMs).toISOString(),
    end: new Date(midnight + 6.5 * hourMs).toISOString(),
  },
})
