import { randomUUID } from 'node:crypto'
import { isReference } from './reference-target.ts'

/** For each reference that was stored before today's rules and names nothing: one that takes its place while the rest is validated. */
export const keptReferences = (stored: unknown): ReadonlyMap<string, string> => {
  const kept = new Map<string, string>()
  withReferences(stored, text => {
    if (!isReference(text)) kept.set(text, `urn:uuid:${randomUUID()}`)
    return text
  })
  return kept
}

/** The value with each of the references replaced. Copies only what changes. */
export const replaced = <Value>(value: Value, texts: ReadonlyMap<string, string>): Value =>
  texts.size === 0 ? value : (withReferences(value, text => texts.get(text) ?? text) as Value)

/** Back to what was there. */
export const inverted = (texts: ReadonlyMap<string, string>): ReadonlyMap<string, string> =>
  new Map([...texts].map(([text, instead]) => [instead, text]))

const withReferences = (value: unknown, next: (text: string) => string): unknown => {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const list = value.map(child => withReferences(child, next))
    return list.every((child, at) => child === value[at]) ? value : list
  }
  let copy: Record<string, unknown> | undefined
  for (const [name, child] of Object.entries(value)) {
    const changed = name === 'reference' && typeof child === 'string' ? next(child) : withReferences(child, next)
    if (changed === child) continue
    copy ??= { ...value }
    copy[name] = changed
  }
  return copy ?? value
}
