import { parseScope, printScope, type Scope } from '../../access/scope.ts'
import { codesOf, type Kind } from '../../fhir/measured/code-class.ts'
import type { Action } from '../../search/expression.ts'

/** What a person leaves ticked or not: a scope, or of one that does both, the part that reads and the part that writes. */
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

/** Whether it can be given for some kinds of data alone. */
export const isNarrowable = ({ group, scope }: AskedPart): boolean =>
  group === 'read' && scope?.type === 'Observation' && scope.query === undefined

/** The scopes that are left of those asked, whatever else was sent. A scope of which all is left stays as it was written. */
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
  // It says for whom the app was opened, which is not the person's to choose here.
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
