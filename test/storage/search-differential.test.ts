import type { Coding, Observation, Quantity } from '@medplum/fhirtypes'
import fc from 'fast-check'
import t from 'tap'
import { openSearching } from '../support/searching.ts'

/** Searches in the database, compared with the specification's words in plain JavaScript, over generated Observations. */
const { server, put, ordered } = await openSearching()
t.teardown(() => server.close())

const seed = 1
const searches = 300

type Condition = { readonly text: string; readonly holds: (observation: Observation) => boolean }

/** https://hl7.org/fhir/R4/search.html#date */
const number = (low: number, high: number, width = 2) =>
  fc.integer({ min: low, max: high }).map(one => String(one).padStart(width, '0'))
const dateText = fc
  .tuple(number(2024, 2025, 4), number(1, 2), number(1, 3), number(0, 2), number(0, 1), fc.constantFrom('Z', '+01:00'))
  .chain(([year, month, day, hour, second, zone]) =>
    fc.constantFrom(
      year,
      `${year}-${month}`,
      `${year}-${month}-${day}`,
      `${year}-${month}-${day}T${hour}:00:${second}${zone}`,
    ),
  )

type Range = { readonly low: number; readonly high: number }

const rangeOf = (text: string): Range => {
  const low = text.length > 10 ? new Date(text) : new Date(`${text.padEnd(10, '-01')}T00:00:00Z`)
  const high = new Date(low)
  if (text.length === 4) high.setUTCFullYear(high.getUTCFullYear() + 1)
  else if (text.length === 7) high.setUTCMonth(high.getUTCMonth() + 1)
  else high.setTime(low.getTime() + (text.length === 10 ? 24 * 3600 : 1) * 1000)
  return { low: low.getTime(), high: high.getTime() }
}

const effectiveOf = ({ effectiveDateTime, effectivePeriod }: Observation): Range | undefined => {
  if (effectiveDateTime !== undefined) return rangeOf(effectiveDateTime)
  if (effectivePeriod === undefined) return undefined
  const { start, end } = effectivePeriod
  return {
    low: start === undefined ? -Infinity : rangeOf(start).low,
    high: end === undefined ? Infinity : rangeOf(end).high,
  }
}

/** "search" is the range of the search value, "target" that of the resource. */
const dateTests: Readonly<Record<string, (search: Range, target: Range) => boolean>> = {
  '': (search, target) => contains(search, target),
  eq: (search, target) => contains(search, target),
  ne: (search, target) => !contains(search, target),
  gt: (search, target) =>
    target.high > search.high ||
    // A time with seconds is its first instant. A value that says no more than the same second may be there.
    (search.high - search.low === 1000 && target.low > search.low),
  lt: (search, target) => target.low < search.low,
  ge: (search, target) => target.high > search.low,
  le: (search, target) => target.low < search.high,
  sa: (search, target) => target.low >= search.high,
  eb: (search, target) => target.high <= search.low,
}
const contains = (outer: Range, inner: Range): boolean => inner.low >= outer.low && inner.high <= outer.high

const anyOf = (name: string, alternatives: readonly Condition[]): Condition => ({
  text: `${name}=${alternatives.map(({ text }) => encodeURIComponent(text)).join()}`,
  holds: one => alternatives.some(({ holds }) => holds(one)),
})
const listOf = (one: fc.Arbitrary<Condition>) => fc.array(one, { minLength: 1, maxLength: 2 })

const dateCondition = listOf(
  fc.tuple(fc.constantFrom(...Object.keys(dateTests)), dateText).map(
    ([prefix, text]): Condition => ({
      text: `${prefix}${text}`,
      holds: one => {
        const target = effectiveOf(one)
        return target !== undefined && dateTests[prefix]?.(rangeOf(text), target) === true
      },
    }),
  ),
).map(alternatives => anyOf('date', alternatives))

/** https://hl7.org/fhir/R4/search.html#quantity: in thousandths, so that everything is exact. */
const decimal = fc.constantFrom('5', '5.0', '5.4', '5.45', '5.5', '6', '4.5', '-5', '0', '0.5', '10', '10.00', '11')
const thousandths = (text: string): number => Math.round(Number(text) * 1000)
const placesOf = (text: string): number => text.split('.')[1]?.length ?? 0
/** The search value: its range, and the number itself in the middle of it. */
type AskedNumber = Range & { readonly exact: number }
/** A comparator leaves one side open, without the number itself if it is `<` or `>`. */
type Target = Range & { readonly open?: 'low' | 'high' }
const numberTests: Readonly<Record<string, (target: Target, asked: AskedNumber) => boolean>> = {
  '': (target, asked) => target.low >= asked.low && target.high < asked.high,
  ne: (target, asked) => !(target.low >= asked.low && target.high < asked.high),
  gt: (target, { exact }) => target.high > exact,
  lt: (target, { exact }) => target.low < exact,
  ge: (target, { exact }) => target.high > exact || (target.high === exact && target.open !== 'high'),
  le: (target, { exact }) => target.low < exact || (target.low === exact && target.open !== 'low'),
  sa: (target, { exact }) => target.low > exact || (target.low === exact && target.open === 'low'),
  eb: (target, { exact }) => target.high < exact || (target.high === exact && target.open === 'high'),
  // "10% of the stated value"; never narrower than the precision with which it is written.
  ap: (target, { exact, high }) => {
    const margin = Math.max(high - exact, Math.abs(exact) / 10)
    const from = exact - margin
    return target.low < exact + margin && (target.high > from || (target.high === from && target.open !== 'high'))
  },
}
const ucum = 'http://unitsofmeasure.org'
const unit = fc.constantFrom(undefined, { system: ucum, code: 'mg' }, { system: ucum, code: 'g' }, { code: 'mg' })
type Unit = { readonly system?: string; readonly code: string }
const isSame = (asked: Unit | undefined, { system, code, unit: words }: Quantity) => {
  if (asked === undefined) return true
  return asked.system === undefined ? code === asked.code || words === asked.code : system === ucum
}
/** Thousandths of a milligram if a unit was asked for and can be converted. */
const factorOf = (asked: Unit | undefined, code: string | undefined) =>
  asked?.system === ucum && code === 'g' ? 1000 : 1
const targetOf = ({ value, comparator }: Quantity, factor: number): Target => {
  const number = thousandths(String(value)) * factor
  const ends: Readonly<Record<string, Target>> = {
    '<': { low: -Infinity, high: number, open: 'high' },
    '<=': { low: -Infinity, high: number },
    '>=': { low: number, high: Infinity },
    '>': { low: number, high: Infinity, open: 'low' },
  }
  return ends[comparator ?? ''] ?? { low: number, high: number }
}
const askedNumber = (text: string, factor: number): AskedNumber => {
  const half = 500 / 10 ** placesOf(text)
  const number = thousandths(text)
  return { low: (number - half) * factor, high: (number + half) * factor, exact: number * factor }
}
const quantityCondition = fc
  .tuple(
    fc.constantFrom('value-quantity', 'component-value-quantity', 'combo-value-quantity'),
    fc.constantFrom(...Object.keys(numberTests)),
    decimal,
    unit,
  )
  .map(([name, prefix, text, asked]) =>
    anyOf(name, [
      {
        text: `${prefix}${text}${asked === undefined ? '' : `|${asked.system ?? ''}|${asked.code}`}`,
        holds: one =>
          quantitiesOf(one, name).some(
            quantity =>
              isSame(asked, quantity) &&
              numberTests[prefix]?.(
                targetOf(quantity, factorOf(asked, quantity.code)),
                askedNumber(text, factorOf(asked, asked?.code)),
              ) === true,
          ),
      },
    ]),
  )
const quantitiesOf = ({ valueQuantity, component = [] }: Observation, name: string): readonly Quantity[] =>
  [
    ...(name === 'component-value-quantity' ? [] : [valueQuantity]),
    ...(name === 'value-quantity' ? [] : component.map(one => one.valueQuantity)),
  ].filter(one => one !== undefined)

/** https://hl7.org/fhir/R4/search.html#token */
const system = fc.constantFrom(undefined, 'http://a.example', 'http://b.example')
const code = fc.constantFrom('x', 'y', 'z')
const codingsOf = ({ code, category = [], component = [] }: Observation, name: string): readonly Coding[] => {
  if (name === 'category') return category.flatMap(({ coding = [] }) => coding)
  const own = name === 'component-code' ? [] : [code]
  const others = name === 'code' ? [] : component.map(one => one.code)
  return [...own, ...others].flatMap(({ coding = [] }) => coding)
}
const token = fc.oneof(
  code.map(code => ({ text: code, matches: (coding: Coding) => coding.code === code })),
  fc.tuple(system, code).map(([system, code]) => ({
    text: `${system ?? ''}|${code}`,
    matches: (coding: Coding) => coding.system === system && coding.code === code,
  })),
  fc.constantFrom('http://a.example', 'http://b.example').map(system => ({
    text: `${system}|`,
    matches: (coding: Coding) => coding.system === system,
  })),
)
const tokenCondition = fc
  .tuple(
    fc.constantFrom('code', 'category', 'component-code', 'combo-code'),
    fc.array(token, { minLength: 1, maxLength: 2 }),
    fc.boolean(),
  )
  .map(([name, tokens, negated]): Condition => {
    const { text, holds } = anyOf(
      negated ? `${name}:not` : name,
      tokens.map(({ text, matches }) => ({ text, holds: one => codingsOf(one, name).some(matches) })),
    )
    return { text, holds: one => holds(one) !== negated }
  })

const condition: fc.Arbitrary<Condition> = fc.oneof(dateCondition, quantityCondition, tokenCondition)

const coding = fc
  .tuple(system, code)
  .map(([system, code]): Coding => ({ ...(system === undefined ? {} : { system }), code }))
const concept = fc.array(coding, { minLength: 1, maxLength: 2 }).map(coding => ({ coding }))
const comparator = fc.constantFrom(undefined, undefined, undefined, '<', '<=', '>=', '>')
const quantity = fc.tuple(decimal, unit, fc.boolean(), comparator).map(
  ([text, unit, words, comparator]): Quantity => ({
    value: JSON.parse(text),
    ...(comparator === undefined ? {} : { comparator: comparator as '<' }),
    ...(unit?.system === undefined ? {} : unit),
    ...(unit !== undefined && words ? { unit: unit.code } : {}),
  }),
)
const period = fc
  .tuple(fc.option(dateText, { nil: undefined }), dateText)
  .map(([start, end]) => (start === undefined ? { end } : { start }))
const closedPeriod = fc.tuple(dateText, dateText).map(texts => {
  const [start = '', end = ''] = texts.sort((one, other) => rangeOf(one).low - rangeOf(other).low)
  return { start, end }
})
const effective: fc.Arbitrary<Partial<Observation>> = fc.oneof(
  dateText.map(effectiveDateTime => ({ effectiveDateTime })),
  fc.oneof(period, closedPeriod).map(effectivePeriod => ({ effectivePeriod })),
  fc.constant({}),
)
const optional = <T>(one: fc.Arbitrary<T>, name: string): fc.Arbitrary<object> =>
  fc.option(one, { nil: undefined }).map(value => (value === undefined ? {} : { [name]: value }))
const component = fc.tuple(concept, quantity).map(([code, valueQuantity]) => ({ code, valueQuantity }))
/** obs-7: a component with the code of the Observation itself leaves the value to it. */
const keepsObs7 = (one: Observation): boolean => {
  const own = new Set(one.code.coding?.map(({ code }) => code))
  return one.valueQuantity === undefined || !codingsOf(one, 'component-code').some(({ code }) => own.has(code))
}
const observation: fc.Arbitrary<Observation & { id: string }> = fc
  .tuple(
    concept,
    effective,
    optional(quantity, 'valueQuantity'),
    optional(fc.array(concept, { minLength: 1, maxLength: 2 }), 'category'),
    optional(fc.array(component, { minLength: 1, maxLength: 2 }), 'component'),
  )
  .map(([code, ...parts]) =>
    Object.assign({ resourceType: 'Observation', id: '', status: 'final', code } as const, ...parts),
  )
  .filter(keepsObs7)

t.test('random searches find what the specification says', async t => {
  const observations = fc.sample(observation, { seed, numRuns: 60 }).map((one, index) => ({ ...one, id: `o${index}` }))
  await put(...observations)
  let found = 0
  for (const conditions of fc.sample(fc.array(condition, { minLength: 1, maxLength: 3 }), {
    seed,
    numRuns: searches,
  })) {
    const query = conditions.map(({ text }) => text).join('&')
    const expected = observations.filter(one => conditions.every(({ holds }) => holds(one))).map(({ id }) => id)
    const actual = await ordered(`Observation?${query}&_count=100`)
    found += expected.length
    if ([...actual].sort().join() !== expected.sort().join()) t.strictSame([...actual].sort(), expected, query)
  }
  t.ok(found > searches, `${found} matches were expected in total`)
})
