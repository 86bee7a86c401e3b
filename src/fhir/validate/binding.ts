import type { CodeSet } from '../value-set.ts'
import { isJson, report, type Walk } from './walk.ts'

/** Checks the codes in an element against a required binding, also those within a Coding or CodeableConcept. */
export type Binding = (value: unknown, walk: Walk) => void

export const bindingOf = (url: string, codes: CodeSet, type: string): Binding | undefined =>
  makers[type]?.({ url, codes, all: new Set([...codes.values()].flatMap(ofSystem => [...ofSystem])) })

type Bound = { readonly url: string; readonly codes: CodeSet; readonly all: ReadonlySet<string> }

const codeBinding =
  (bound: Bound): Binding =>
  (value, walk) => {
    if (typeof value === 'string' && !bound.all.has(value)) refuse(walk, `'${value}'`, bound)
  }

const codingBinding =
  (bound: Bound): Binding =>
  (value, walk) => {
    if (isJson(value) && value.code !== undefined && !allows(bound, value)) refuse(walk, words(value), bound)
  }

/** One coding of the value set is enough; there may be others beside it. */
const conceptBinding =
  (bound: Bound): Binding =>
  (value, walk) => {
    if (!isJson(value) || !Array.isArray(value.coding)) return
    const codings = value.coding.filter(isJson)
    if (codings.length === 0 || codings.some(coding => allows(bound, coding))) return
    refuse(walk, codings.map(words).join(', '), bound)
  }

const makers: Readonly<Record<string, (bound: Bound) => Binding>> = {
  code: codeBinding,
  Coding: codingBinding,
  CodeableConcept: conceptBinding,
}

const allows = ({ codes }: Bound, { system, code }: { readonly system?: unknown; readonly code?: unknown }): boolean =>
  typeof system === 'string' && typeof code === 'string' && codes.get(system)?.has(code) === true

const words = ({ system, code }: { readonly system?: unknown; readonly code?: unknown }): string =>
  `'${typeof system === 'string' ? system : ''}|${typeof code === 'string' ? code : ''}'`

const refuse = (walk: Walk, what: string, { url, codes, all }: Bound): void => {
  const [first = ''] = codes.keys()
  const systems = codes.size === 1 && what.includes('|') ? ` of ${first}` : ''
  const some = [...all].slice(0, mostNamed).join(', ')
  const more = all.size > mostNamed ? ` and ${all.size - mostNamed} more` : ''
  report(walk, 'code-invalid', `${what} is not in the required value set ${url}: accepted are ${some}${more}${systems}`)
}
const mostNamed = 12
