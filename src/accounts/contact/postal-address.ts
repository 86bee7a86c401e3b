import type { Address } from '@medplum/fhirtypes'
import { without, withValues } from '../../fhir/with-values.ts'

/** A resource with postal addresses. */
type Addressed = { readonly address?: Address[] }

/** A postal address as it is typed. `line`: what stands before the town, one a line. */
export type PostalFields = Readonly<Record<PostalField, string>>

export const postalFieldNames = ['line', 'city', 'district', 'state', 'postalCode', 'country'] as const
type PostalField = (typeof postalFieldNames)[number]

/** `missing`: the address would reach nobody without it. */
export type PostalProblems = Readonly<Partial<Record<PostalField, 'missing' | 'too-long'>>>

export const mostLines = 5
export const mostCharacters = 100

/** The present addresses, as they are written on a letter. */
export const postalAddressesOf = ({ address = [] }: Addressed): readonly string[] =>
  address
    .filter(isPresent)
    .map(toText)
    .filter(text => text !== '')

/** The first present one, which is the one that is changed. What a registry knows as a text alone is shown as its lines. */
export const postalOf = ({ address = [] }: Addressed): PostalFields => {
  const { text = '', line = [], city, district, state, postalCode, country } = address.find(isPresent) ?? {}
  const parts = { city, district, state, postalCode, country }
  const isTextAlone = line.length === 0 && Object.values(parts).every(part => part === undefined)
  return {
    // A line that only has extensions is null.
    line: isTextAlone ? text : line.filter(Boolean).join('\n'),
    ...(Object.fromEntries(Object.entries(parts).map(([name, part = '']) => [name, part])) as Record<Part, string>),
  }
}

type Part = Exclude<PostalField, 'line'>

/** Nothing at all is an address as well: none. What stays may be as registries elsewhere have it. */
export const problemsOfPostal = (sent: PostalFields, before: PostalFields): PostalProblems => {
  if (isEmpty(sent)) return {}
  const asked = isEmpty(before) ? postalFieldNames : postalFieldNames.filter(name => !isSame(name, sent, before))
  return Object.fromEntries(
    asked.flatMap(name => {
      const problem = problemOf(name, linesIn(sent[name]))
      return problem === undefined ? [] : [[name, problem] as const]
    }),
  )
}

const problemOf = (name: PostalField, lines: readonly string[]): 'missing' | 'too-long' | undefined => {
  if (lines.length === 0) return needed.has(name) ? 'missing' : undefined
  return lines.length > mostLines || lines.some(one => one.length > mostCharacters) ? 'too-long' : undefined
}

const needed: ReadonlySet<PostalField> = new Set(['line', 'city'])

/** Other addresses stay, and so does a part that is unchanged. What a text or an extension says of the whole goes with it, and so does when it was used. */
export const withPostal = <Holder extends Addressed>(holder: Holder, sent: PostalFields): Holder => {
  const before = postalOf(holder)
  if (postalFieldNames.every(name => isSame(name, sent, before))) return holder
  const { address = [] } = holder
  const at = address.findIndex(isPresent)
  const next = isEmpty(sent) ? [] : [replaced(address[at] ?? {}, sent, before)]
  const all = at < 0 ? [...address, ...next] : address.toSpliced(at, 1, ...next)
  return { ...without<Addressed>(holder, 'address'), ...(all.length > 0 && { address: all }) } as Holder
}

const replaced = (address: Address, sent: PostalFields, before: PostalFields): Address => {
  const typed = Object.fromEntries(
    postalFieldNames.map(name => {
      const stays = isSame(name, sent, before) && address[name] !== undefined
      return [name, stays ? address[name] : partOf(name, sent)]
    }),
  )
  return without(withValues(address, typed), 'text', 'extension', 'period')
}

const partOf = (name: PostalField, sent: PostalFields): string | string[] | undefined => {
  const lines = linesIn(sent[name])
  if (lines.length === 0) return undefined
  return name === 'line' ? lines : lines.join(' ')
}

const isPresent = ({ use }: Address): boolean => use !== 'old'

const isSame = (name: PostalField, one: PostalFields, other: PostalFields): boolean =>
  linesIn(one[name]).join('\n') === linesIn(other[name]).join('\n')

const isEmpty = (fields: PostalFields): boolean => postalFieldNames.every(name => linesIn(fields[name]).length === 0)

/** Without characters that no address has, such as tabs from a table. */
const linesIn = (typed: string): string[] =>
  typed
    .split(/[\r\n]+/)
    .map(line => line.replace(/[\p{Cc}\s]+/gu, ' ').trim())
    .filter(line => line !== '')

const toText = ({ text, line = [], postalCode, city, district, state, country }: Address): string =>
  text ?? joined([...line, joined([postalCode, city], ' '), district, state, country], '\n')

const joined = (parts: readonly (string | undefined)[], between: string): string => parts.filter(Boolean).join(between)
