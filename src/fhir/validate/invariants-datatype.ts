import { systems } from '../canonical.ts'
import { intervalOf } from '../date.ts'
import { decimalText, isNumber, toNumber } from '../json.ts'
import { blank, narrativeFault, tooDeep } from './narrative.ts'
import { countOf, has, hasAny, hasChoice, lacks } from './presence.ts'
import { isJson, type Json, report, type Walk } from './walk.ts'

const currencies = 'urn:iso:std:iso:4217'

const isUnder = (quantity: Json, system: string): boolean => quantity.system === undefined || quantity.system === system
const hasUnit = (quantity: Json): boolean => has(quantity, 'code') || lacks(quantity, 'value')
const isPositive = ({ value }: Json): boolean => !isNumber(value) || toNumber(value) > 0
const isNegative = (value: unknown): boolean => isNumber(value) && toNumber(value) < 0

/** Partial dates may overlap: only those that certainly are in the wrong order are refused. */
export const isInOrder = (earlier: unknown, later: unknown): boolean => {
  if (typeof earlier !== 'string' || typeof later !== 'string') return true
  const first = intervalOf(earlier)
  const last = intervalOf(later)
  return first === undefined || last === undefined || first.low.slice(0, -1) < last.high.slice(0, -1)
}

const isRange = (low: unknown, high: unknown): boolean => {
  if (!isJson(low) || !isJson(high) || low.code !== high.code || low.system !== high.system) return true
  return !(isNumber(low.value) && isNumber(high.value)) || toNumber(low.value) <= toNumber(high.value)
}

/** The rule lists all of HTML that is allowed, so a message of its own says which part was broken. */
const reportNarrative = (text: string, walk: Walk): true => {
  const fault = narrativeFault(text)
  if (fault === tooDeep) report(walk, 'structure', fault)
  else if (fault === blank) report(walk, 'invariant', `txt-2: ${fault}`)
  else if (fault !== undefined) report(walk, 'invariant', `txt-1: a narrative is basic XHTML: ${fault}`)
  return true
}

/** Constraints of the datatypes, by key. https://hl7.org/fhir/R4/datatypes.html */
export const datatypeInvariants = {
  'ext-1': (value: Json) => has(value, 'extension') !== hasChoice(value, 'value'),
  'qty-3': (value: Json) => lacks(value, 'code') || has(value, 'system'),
  'sqty-1': (value: Json) => lacks(value, 'comparator'),
  'mqty-1': (value: Json) => hasUnit(value) && isUnder(value, currencies),
  'age-1': (value: Json) => hasUnit(value) && isUnder(value, systems.ucum) && isPositive(value),
  'dis-1': (value: Json) => hasUnit(value) && isUnder(value, systems.ucum),
  'drt-1': (value: Json) => lacks(value, 'code') || (value.system === systems.ucum && has(value, 'value')),
  'cnt-3': (value: Json) =>
    hasUnit(value) &&
    isUnder(value, systems.ucum) &&
    (lacks(value, 'code') || value.code === '1') &&
    !decimalText(value.value)?.includes('.'),
  'att-1': (value: Json) => lacks(value, 'data') || has(value, 'contentType'),
  'cpt-2': (value: Json) => lacks(value, 'value') || has(value, 'system'),
  'exp-1': (value: Json) => hasAny(value, 'expression', 'reference'),
  'drq-1': (value: Json) => has(value, 'path') !== has(value, 'searchParam'),
  'drq-2': (value: Json) => has(value, 'path') !== has(value, 'searchParam'),
  'per-1': (value: Json) => isInOrder(value.start, value.end),
  'rng-2': (value: Json) => isRange(value.low, value.high),
  'rat-1': (value: Json) =>
    has(value, 'numerator') === has(value, 'denominator') && hasAny(value, 'numerator', 'extension'),
  'txt-1': (value: unknown, walk: Walk) => typeof value !== 'string' || reportNarrative(value, walk),
  'tim-1': (value: Json) => lacks(value, 'duration') || has(value, 'durationUnit'),
  'tim-2': (value: Json) => lacks(value, 'period') || has(value, 'periodUnit'),
  'tim-4': (value: Json) => !isNegative(value.duration),
  'tim-5': (value: Json) => !isNegative(value.period),
  'tim-6': (value: Json) => lacks(value, 'periodMax') || has(value, 'period'),
  'tim-7': (value: Json) => lacks(value, 'durationMax') || has(value, 'duration'),
  'tim-8': (value: Json) => lacks(value, 'countMax') || has(value, 'count'),
  'tim-9': (value: Json) =>
    lacks(value, 'offset') ||
    (Array.isArray(value.when) && !value.when.some(when => ['C', 'CM', 'CD', 'CV'].includes(when))),
  'tim-10': (value: Json) => lacks(value, 'timeOfDay') || lacks(value, 'when'),
  'trd-1': (value: Json) => lacks(value, 'data') || !hasChoice(value, 'timing'),
  'trd-2': (value: Json) => lacks(value, 'condition') || has(value, 'data'),
  'eld-8': (value: Json) => countOf(value, 'pattern', 'fixed') < 2,
} as const
