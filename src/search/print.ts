import type { Consented, Expression, Principal, Relation } from './expression.ts'
import type { Concepts, Interval, Value } from './value.ts'

/** `(and (code loinc|8867-4) (chain subject:Patient (name ann)))`: for tests and `explain`. Never for logs, since it shows what was searched for. */
export const print = (expression: Expression): string => {
  switch (expression.kind) {
    case 'all':
    case 'none':
    case 'source-device':
      return expression.kind
    case 'and':
    case 'or':
      return list(expression.kind, ...expression.of.map(print))
    case 'not':
      return list('not', print(expression.of))
    case 'match':
      return list(expression.parameter.code, printValue(expression.value))
    case 'missing':
      return list('missing', expression.parameter.code)
    case 'chain':
      return list('chain', `${expression.parameter.code}:${expression.target}`, print(expression.of))
    case 'has':
      return list('has', `${expression.source}:${expression.parameter.code}`, print(expression.of))
    case 'names':
      return list(
        'names',
        `${expression.paths.map(({ steps }) => steps.map(({ name }) => name).join('.')).join()}:${expression.target}`,
        ...(expression.versioned ? ['versioned'] : []),
        print(expression.of),
      )
    case 'uploaded':
      return list('uploaded', ...(expression.id === undefined ? [] : [expression.id]), print(expression.of))
    case 'there':
      return list('there', `${expression.type}/${expression.id}`, print(expression.of))
    case 'listed':
      return list('listed', print(expression.by))
    case 'hierarchy':
      return list(
        expression.reach,
        expression.parameter.code,
        `${expression.target}/${expression.id}`,
        print(expression.of),
      )
    default:
      return printGrant(expression)
  }
}

/** The nodes that no query can ask for: rules of access make them. */
type Grant = Exclude<Relation, { kind: 'source-device' }> | Extract<Expression, { kind: 'compartment' | 'identified' }>

const printGrant = (grant: Grant): string => {
  switch (grant.kind) {
    case 'compartment':
      return list('compartment', `${grant.of}/${grant.id}`)
    case 'identified':
      return list('identified', ...grant.ids)
    case 'member':
      return list('membership', grant.of, grant.reach, grant.role, grant.practitioner)
    case 'consented':
      return list('consented', printGrantee(grant.to), grant.action, ...study(grant.study), ...consent(grant.consent))
    case 'staffed':
      return list('staffed', printGrantee(grant.to), grant.by, ...study(grant.study))
    case 'created':
      return list('created-by', printPrincipal(grant.by))
    case 'written-through':
      return list('written-through', grant.client)
    case 'same-tenant':
      return list('same-tenant', grant.practitioner, ...(grant.now ? ['now'] : []))
    case 'consentable':
      return grant.to === undefined ? 'consentable' : list('consentable', grant.to)
    case 'unanswered':
      return list('unanswered', ...study(grant.study), grant.since, printPrincipal(grant.but))
    case 'invited':
      return list('invited', grant.patient, ...(grant.now ? ['now'] : []))
    case 'known-to':
      return list(grant.kind, grant.patient)
    case 'of-patients':
      return list(grant.kind, ...grant.patients.map(String))
    case 'kept':
      return list('kept', typeof grant.part === 'string' ? grant.part : `staff-entry-of:${grant.part.staffEntryOf}`)
    case 'content':
      return list('content', typeof grant.is === 'string' ? grant.is : Object.entries(grant.is).join(','))
  }
}

const printGrantee = ({ kind, id }: Consented['to']): string => `${kind}/${id}`

const study = (id: string | undefined): readonly string[] => (id === undefined ? [] : [`study/${id}`])

const consent = (id: string | undefined): readonly string[] => (id === undefined ? [] : [`Consent/${id}`])

const list = (...words: readonly string[]): string => `(${words.join(' ')})`

/** A number or date that is compared as a range is printed as one. */
const printValue = (value: Value): string => {
  switch (value.kind) {
    case 'token':
      return printToken(value.system, value.code)
    case 'reference':
      return value.type === undefined ? value.id : `${value.type}/${value.id}`
    case 'identifier':
      return `identifier ${printToken(value.system, value.code)}`
    case 'of-type':
      return `of-type ${printToken(value.system, value.code)} ${word(value.value)}`
    case 'display':
      return `text ${word(value.text)}`
    case 'mime':
      return `below ${word(value.type)}`
    case 'concepts':
      return printConcepts(value.asked)
    case 'near':
      return `${value.latitude} ${value.longitude} ${value.distanceKm}km`
    case 'url':
      return `${value.below === true ? 'below ' : ''}${word(value.version === undefined ? value.url : `${value.url}|${value.version}`)}`
    case 'date':
      return printInterval(value.prefix, value)
    case 'string':
      return matched(value.match, word(value.text))
    case 'number':
      return printRange(value)
    case 'quantity':
      return value.unit === undefined
        ? printRange(value)
        : `${printRange(value)} ${printToken(value.unit.system, value.unit.code)}`
    case 'uri':
      return matched(value.match, word(value.uri))
    case 'composite':
      return value.parts.map(part => printValue(part.value)).join(' $ ')
    case 'text':
      return `${value.operator} ${word(value.text)}`
    case 'unequal':
      return `ne ${printValue(value.to)}`
    case 'words':
      return word(value.query)
  }
}

const matched = (how: string | undefined, text: string): string => (how === undefined ? text : `${how} ${text}`)

const printConcepts = (asked: Concepts): string =>
  asked.by === 'in' ? `in ${word(asked.valueSet)}` : `${asked.by} ${printToken(asked.system, asked.code)}`

/** Short in print only; a query has to say them whole. */
const shortSystems: ReadonlyMap<string, string> = new Map([
  ['http://loinc.org', 'loinc'],
  ['http://snomed.info/sct', 'snomed'],
  ['http://unitsofmeasure.org', 'ucum'],
])

const printToken = (system: string | null | undefined, code: string | undefined): string => {
  const escaped = escapeBar(code ?? '')
  if (system === undefined) return word(escaped)
  return word(`${shortSystems.get(system ?? '') ?? escapeBar(system ?? '')}|${escaped}`)
}

const escapeBar = (text: string): string => text.replace(/[\\|]/g, '\\$&')

const prefixed = (prefix: string, text: string): string => (prefix === 'eq' ? text : `${prefix} ${text}`)

const printInterval = (prefix: string, { low, high }: Interval): string =>
  prefixed(prefix, `${shortInstant(low)}..${shortInstant(high)}`)

const shortInstant = (instant: string): string =>
  instant.replace(/(T00:00:00)?\.000Z$/, (_, midnight) => (midnight ? '' : 'Z'))

const byRange: ReadonlySet<string> = new Set(['eq', 'ne', 'ap'])

const printRange = ({ prefix, value, low, high }: Extract<Value, { kind: 'number' | 'quantity' }>): string =>
  prefixed(prefix, byRange.has(prefix) ? `${low}..${high}` : value)

/** Text that would not stay one word is quoted. */
const word = (text: string): string => (/^[^\s()"]+$/u.test(text) ? text : JSON.stringify(text))

const printPrincipal = ({ kind, id, app }: Principal): string =>
  [kind, id, ...(app === undefined ? [] : [app])].join('/')
