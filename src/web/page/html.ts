import { upright } from '../../messages/isolated.ts'

declare const safe: unique symbol

/** Text that is HTML. Only `html` makes it, so that all other values in a page are escaped. */
export type Html = { readonly text: string; readonly [safe]: true }

type Value = Html | string | number | undefined | false | readonly Value[]

/**
 * A piece of HTML: values are escaped, pieces can be nested, lists are joined, and undefined or false values leave nothing. What would turn round the
 * text after it stays only in attributes and text fields, from where it is sent back.
 */
export const html = (strings: TemplateStringsArray, ...values: readonly Value[]): Html => {
  const shown = shownIn.get(strings) ?? noteShown(strings)
  return made(
    strings.reduce((text, string, index) => `${text}${printed(values[index - 1], shown[index - 1])}${string}`),
  )
}

/** For each value of a template whether it is shown as a text of the page. */
const shownIn = new WeakMap<TemplateStringsArray, readonly boolean[]>()

const noteShown = (strings: TemplateStringsArray): readonly boolean[] => {
  const shown = strings.map((_, index) => !kept.test(strings.slice(0, index + 1).join('')))
  shownIn.set(strings, shown)
  return shown
}

/** The end of a template within a tag, an attribute or a text field. */
const kept = /<[^>]*$|="[^"]*$|<textarea\b[^<]*$/

const pieces = new WeakSet<object>()

const made = (text: string): Html => {
  const piece = { text } as Html
  pieces.add(piece)
  return piece
}

const printed = (value: Value, isShown = true): string => {
  if (value === undefined || value === false) return ''
  if (isList(value)) return value.map(one => printed(one, isShown)).join('')
  // An object that only looks like HTML, perhaps JSON from elsewhere, is not.
  if (typeof value === 'object') return pieces.has(value) ? value.text : ''
  return escaped(isShown ? upright(String(value)) : String(value))
}

const isList = (value: Value): value is readonly Value[] => Array.isArray(value)

/** Safe in elements and in quoted attributes. */
const escaped = (text: string): string => text.replace(/[&<>"']/g, one => entities[one] ?? one)

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
