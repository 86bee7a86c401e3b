declare const safe: unique symbol

/** Text that is HTML. Only `html` makes it, so that all other values in a page are escaped. */
export type Html = { readonly text: string; readonly [safe]: true }

type Value = Html | string | number | undefined | false | readonly Value[]

/** A piece of HTML: values are escaped, pieces can be nested, lists are joined, and undefined or false values leave nothing. */
export const html = (strings: TemplateStringsArray, ...values: readonly Value[]): Html =>
  made(strings.reduce((text, string, index) => `${text}${printed(values[index - 1])}${string}`))

const pieces = new WeakSet<object>()

const made = (text: string): Html => {
  const piece = { text } as Html
  pieces.add(piece)
  return piece
}

const printed = (value: Value): string => {
  if (value === undefined || value === false) return ''
  if (isList(value)) return value.map(printed).join('')
  // An object that only looks like HTML, perhaps JSON from elsewhere, is not.
  if (typeof value === 'object') return pieces.has(value) ? value.text : ''
  return escaped(String(value))
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
