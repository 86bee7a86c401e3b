import type { Random } from '../random.ts'

const prefixes = ['', '', 'eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap']

/** https://hl7.org/fhir/R4/search.html#number: the number itself, one digit more and one less precise, and its neighbours. */
export const deriveNumbers = (value: unknown, random: Random): readonly string[] => {
  if (typeof value !== 'number') return []
  const text = String(value)
  if (/e/i.test(text)) return []
  const near = [text, text, finer(text), coarser(text), next(text, 1), next(text, -1), exponential(value)]
  return near.flatMap(one => random.some(prefixes, 2).map(prefix => prefix + one))
}

const finer = (text: string): string => (text.includes('.') ? `${text}0` : `${text}.0`)

const coarser = (text: string): string => (text.includes('.') ? text.slice(0, -1).replace(/\.$/, '') : text)

const next = (text: string, step: 1 | -1): string => {
  const places = text.split('.')[1]?.length ?? 0
  return (Number(text) + step * 10 ** -places).toFixed(places)
}

const exponential = (value: number): string => value.toExponential().replace('e+', 'e')
