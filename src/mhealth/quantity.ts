import { systems } from '../fhir/canonical.ts'
import { decimalText, isNumber } from '../fhir/json.ts'
import { openMhealthMaps } from '../fhir/measured/open-mhealth-maps.ts'
import { type Decimal, factor, isInReach, minus, parseDecimal, times, toJsonNumber } from './decimal.ts'
import type { BareUnit } from './element-map.ts'
import { asRecord, asText, type JsonRecord } from './json-tree.ts'

/** https://hl7.org/fhir/R4/datatypes.html#Quantity; the value is a number or its exact text. */
export type Quantity = {
  readonly value: unknown
  readonly unit: string
  readonly system?: string
  readonly code?: string
}

type Asked = {
  /** The UCUM codes that are allowed; other units are converted to the first of these. */
  readonly units?: readonly string[]
  readonly bare?: BareUnit
}

/** The quantity under a name in a part of a body. An average such as steps per day is no number of steps, and undefined. */
export const quantityIn = (part: JsonRecord, name: string, asked: Asked): Quantity | undefined => {
  const quantity = toQuantity(part[name], asked)
  const denominator = asText(part.descriptive_statistic_denominator)
  if (quantity === undefined || denominator === undefined) return quantity
  const unit = `${quantity.unit}/${denominator}`
  const per = ucumByUnit.get(denominator) ?? (/^\w+$/.test(denominator) ? `{${denominator}}` : undefined)
  if (quantity.code === undefined || per === undefined) return { value: quantity.value, unit }
  return { ...quantity, unit, code: `${quantity.code}/${per}` }
}

/** A unit value of a document in UCUM; undefined if it is none. */
const toQuantity = (unitValue: unknown, { units, bare }: Asked): Quantity | undefined => {
  if (isNumber(unitValue)) return bare && { value: unitValue, unit: bare.unit, system: systems.ucum, code: bare.code }
  const { value, unit } = asRecord(unitValue) ?? {}
  if (!isNumber(value) || typeof unit !== 'string') return undefined
  const code = ucumByUnit.get(unit)
  if (code === undefined) return { value, unit }
  const [first] = units ?? []
  return first === undefined || units?.includes(code)
    ? { value, unit, system: systems.ucum, code }
    : convert(value, code, first)
}

/** The UCUM codes of Open mHealth's units. */
export const ucumByUnit: ReadonlyMap<string, string> = new Map(
  openMhealthMaps.ucum.group
    .filter(({ target }) => target === systems.ucum)
    .flatMap(({ element }) => element.flatMap(({ code, target }) => target.map(one => [code, one.code] as const))),
)

const convert = (value: unknown, from: string, to: string): Quantity | undefined => {
  const change = conversions.get(`${from}>${to}`)
  const text = decimalText(value)
  // A number that nobody can have measured is not converted.
  if (change === undefined || text === undefined || !isInReach(text)) return undefined
  return { value: toJsonNumber(change(parseDecimal(text))), unit: unitOf.get(to) ?? to, system: systems.ucum, code: to }
}

const unitOf = new Map([['Cel', 'C']])

const inKilograms = [
  ...[
    ['fg', '1e-18'],
    ['pg', '1e-15'],
    ['ng', '1e-12'],
    ['ug', '1e-9'],
    ['mg', '1e-6'],
    ['t', '1000'],
  ],
  ...[
    ['[gr]', '0.00006479891'],
    ['[oz_av]', '0.028349523125'],
    ['[ston_av]', '907.18474'],
  ],
]
const inCentimetres = [
  ...[
    ['fm', '1e-13'],
    ['pm', '1e-10'],
    ['nm', '1e-7'],
    ['um', '1e-4'],
    ['mm', '0.1'],
    ['m', '100'],
    ['km', '100000'],
  ],
  ...[
    ['[ft_i]', '30.48'],
    ['[yd_i]', '91.44'],
    ['[mi_i]', '160934.4'],
  ],
]

const scaled = (table: readonly (readonly string[])[], to: string) =>
  table.map(([from = '', size = '']): [string, (value: Decimal) => Decimal] => [
    `${from}>${to}`,
    value => times(value, factor(size)),
  ])

const zeroCelsius = parseDecimal('273.15')

/** Conversions that are exact by definition, and only to units that R4's profiles of vital signs allow. */
const conversions: ReadonlyMap<string, (value: Decimal) => Decimal> = new Map([
  ['K>Cel', value => minus(value, zeroCelsius)],
  ...scaled(inKilograms, 'kg'),
  ...scaled(inCentimetres, 'cm'),
])
