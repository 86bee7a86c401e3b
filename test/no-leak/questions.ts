import type { CapabilityStatement, Resource } from '@medplum/fhirtypes'
import type { Random } from '../oracle/random.ts'

/** A question about resources that are there or will be, as the path and query of a GET. */
export type Question = (random: Random) => string

/** Reads, histories, and searches by any parameter that the statement names, with links, reverse links, inclusions and sorting. */
export const openQuestions = (statement: CapabilityStatement, about: readonly Resource[]): Question => {
  const types = [...new Set(about.map(({ resourceType }) => resourceType))]
  const asking: Asking = { types, parameters: parametersIn(statement), values: valuesIn(about) }
  return random => {
    if (random.chance(0.3)) return direct(random, random.pick(about))
    const type = random.pick(types)
    return `${type}?${condition(asking, random, type)}${more(asking, random, type)}`
  }
}

type Parameter = { readonly name: string; readonly type?: string }

type Asking = {
  readonly types: readonly string[]
  readonly parameters: ReadonlyMap<string, readonly Parameter[]>
  readonly values: Values
}

const parametersIn = ({ rest }: CapabilityStatement): Asking['parameters'] =>
  new Map(rest?.[0]?.resource?.map(({ type, searchParam = [] }) => [type, searchParam]))

type Kind = 'token' | 'reference' | 'string' | 'date' | 'uri' | 'quantity' | 'number'
type Values = Readonly<Record<Kind, string[]>>

const valuesIn = (about: readonly Resource[]): Values => {
  const all: Values = {
    token: [],
    reference: about.map(({ resourceType, id }) => `${resourceType}/${id}`),
    string: [],
    date: ['gt2026-02-01', 'lt2026'],
    uri: [],
    quantity: ['71', 'gt1'],
    number: ['1'],
  }
  JSON.stringify(about, (key, value) => {
    if (typeof value === 'string') all[kindOf(key, value)].push(value)
    return value
  })
  return all
}

const kinds: Readonly<Record<string, Kind>> = {
  code: 'token',
  status: 'token',
  value: 'token',
  system: 'uri',
  url: 'uri',
  reference: 'reference',
}

const kindOf = (key: string, value: string): Kind => kinds[key] ?? (/^\d{4}-\d\d-\d\d/.test(value) ? 'date' : 'string')

const direct = (random: Random, { resourceType, id }: Resource): string => {
  const at = `${resourceType}/${id}`
  return random.pick([
    at,
    `${at}/_history`,
    `${at}/_history/1`,
    `${resourceType}?_id=${id}`,
    `${at}/$everything`,
    `${at}/*`,
  ])
}

/** A condition on the type, on what it names, or on what names it. */
const condition = (asking: Asking, random: Random, type: string, depth = 0): string => {
  const parameter = random.pick(asking.parameters.get(type) ?? [])
  const other = random.pick(asking.types)
  const isLinked = depth < 2 && random.chance(0.3)
  if (isLinked && parameter.type === 'reference')
    return `${parameter.name}:${other}.${condition(asking, random, other, depth + 1)}`
  const [link] = random.some(linksOf(asking, other), 1)
  if (isLinked && link !== undefined) return `_has:${other}:${link}:${condition(asking, random, other, depth + 1)}`
  return plain(asking, random, parameter)
}

const linksOf = ({ parameters }: Asking, type: string): readonly string[] =>
  (parameters.get(type) ?? []).filter(one => one.type === 'reference').map(({ name }) => name)

const plain = ({ values }: Asking, random: Random, { name, type = '' }: Parameter): string => {
  if (random.chance(0.1)) return `${name}:missing=${random.chance(0.5)}`
  const value = random.pick(values[type as Kind] ?? values.string)
  return `${name}${random.pick(modifiers[type] ?? [''])}=${encodeURIComponent(value)}`
}

const modifiers: Readonly<Record<string, readonly string[]>> = {
  string: ['', ':exact', ':contains'],
  token: ['', '', ':not', ':text'],
  reference: ['', '', ':identifier'],
}

/** How much of what is found is answered, in which order, and with what beside it. */
const more = (asking: Asking, random: Random, type: string): string => {
  const other = random.pick(asking.types)
  return random.pick([
    '',
    '&_summary=count',
    '&_total=accurate',
    '&_count=2',
    `&_sort=${random.pick(asking.parameters.get(type) ?? []).name}`,
    ...random.some(linksOf(asking, type), 1).map(name => `&_include=${type}:${name}`),
    ...random.some(linksOf(asking, other), 1).map(name => `&_revinclude=${other}:${name}`),
  ])
}
