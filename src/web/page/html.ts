declare const safe: unique symbol

/** Text that is HTML. Only `html` makes it, so whatever else comes into a page is escaped. */
export type Html = { readonly text: string; readonly [safe]: true }

type Value = Html | string | number | undefined | false | readonly Value[]

/** A piece of HTML: values are escaped, pieces nest, lists are joined, and what is absent or false leaves nothing. */
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
  // An object that only looks like one, as JSON from elsewhere might, is none.
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
