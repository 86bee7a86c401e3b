import { isNumber } from './json.ts'

/**
 * The place in a JSON text, as FHIRPath, where a property occurs a second time; `parsed` is the result of JSON.parse, which silently keeps the
 * last. "Property names SHALL be unique": https://hl7.org/fhir/R4/json.html
 */
export const duplicateName = (text: string, parsed: unknown): string | undefined =>
  // There are at least as many colons after quotes as names, and nearly always exactly as many. Only if there are more is the text read again.
  countOf(text) > namesIn(parsed) ? findDuplicate(text) : undefined

const countOf = (text: string): number => text.match(/"\s*:/g)?.length ?? 0

/** Loops over lists by index: `in` gives the indexes as texts, which takes ten times as long. */
const namesIn = (parsed: unknown): number => {
  let count = 0
  const waiting = [parsed]
  const wait = (child: unknown) => {
    if (typeof child === 'object' && child !== null) waiting.push(child)
  }
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (Array.isArray(value)) for (const child of value) wait(child)
    else if (typeof value === 'object' && !isNumber(value))
      for (const name in value) {
        count += 1
        wait((value as Record<string, unknown>)[name])
      }
  }
  return count
}

type Open = { readonly path: string; readonly names: Set<string> | undefined; place: number; name: string }

/** The text must be valid JSON. */
const findDuplicate = (text: string): string | undefined => {
  const open: Open[] = []
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[[\]{},]/g)) {
    const inside = open.at(-1)
    if (token.endsWith(':') && inside?.names !== undefined) {
      inside.name = JSON.parse(token.slice(0, -1))
      if (inside.names.has(inside.name)) return pathOf(inside)
      inside.names.add(inside.name)
    } else marks[token]?.(open, inside)
  }
  return undefined
}

/** The characters that open, close and separate lists and objects. */
const marks: Readonly<Record<string, (open: Open[], inside: Open | undefined) => void>> = {
  '{': (open, inside) => open.push({ path: pathOf(inside), names: new Set(), place: 0, name: '' }),
  '[': (open, inside) => open.push({ path: pathOf(inside), names: undefined, place: 0, name: '' }),
  '}': open => open.pop(),
  ']': open => open.pop(),
  ',': (_, inside) => {
    if (inside !== undefined) inside.place += 1
  },
}

const pathOf = (inside: Open | undefined): string => {
  if (inside === undefined) return ''
  const { path, names, place, name } = inside
  if (names === undefined) return `${path}[${place}]`
  return path === '' ? name : `${path}.${name}`
}
