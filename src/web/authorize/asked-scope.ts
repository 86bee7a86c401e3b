import { parseScope, printScope, type Scope } from '../../access/scope.ts'
import { codesOf, type Kind } from '../../fhir/measured/code-class.ts'
import type { Action } from '../../search/expression.ts'

/** What a person can leave ticked or not: a scope, or the part of it that reads or writes if it does both. */
export type AskedPart = {
  /** The scope as text. */
  readonly value: string
  readonly group: 'read' | 'write' | 'connected'
  /** Absent for launch, identity and refresh. */
  readonly scope?: Scope
}

/** Each once, in the app's order. */
export const partsAsked = (asked: readonly string[]): readonly AskedPart[] => [
  ...new Map(asked.flatMap(partsOf).map(part => [part.value, part])).values(),
]

/** Whether it can be given for some kinds of data only. */
export const isNarrowable = ({ group, scope }: AskedPart): boolean =>
  group === 'read' && scope?.type === 'Observation' && scope.query === undefined

/** The remaining scopes of those that were asked for, whatever else was sent. A scope that remains as a whole is not rewritten. */
export const scopesTicked = (
  asked: readonly string[],
  ticked: ReadonlySet<string>,
  kinds: 'all' | readonly Kind[],
): readonly string[] => {
  const left = asked.flatMap(word => {
    const parts = partsOf(word)
    const wanted = parts.filter(({ value }) => ticked.has(value))
    if (wanted.length === parts.length && (kinds === 'all' || !wanted.some(isNarrowable))) return [word]
    return wanted.flatMap(part => (kinds === 'all' ? [part.value] : narrowed(part, kinds)))
  })
  return [...new Set(left)]
}

const partsOf = (word: string): readonly AskedPart[] => {
  // `launch` says for whom the app was opened, which the person cannot choose here.
  if (word === 'launch') return []
  const scope = parseScope(word)
  if (scope === undefined) return [{ value: word, group: word.endsWith('_access') ? 'connected' : 'read' }]
  const halves = [half(scope, 'read', ['r', 's']), half(scope, 'write', ['c', 'u', 'd'])].filter(
    ({ scope: { actions } }) => actions.size > 0,
  )
  return halves.length === 1 ? halves.map(one => ({ ...one, value: word })) : halves
}

const half = (scope: Scope, group: 'read' | 'write', letters: readonly Action[]) => {
  const part = { ...scope, actions: new Set(letters.filter(one => scope.actions.has(one))) }
  return { value: printScope(part), group, scope: part }
}

const narrowed = (part: AskedPart, kinds: readonly Kind[]): readonly string[] => {
  const { scope, value } = part
  if (scope === undefined || !isNarrowable(part)) return [value]
  return kinds.map(kind => printScope({ ...scope, query: `code=${codesOf(kind).join(',')}` }))
}
