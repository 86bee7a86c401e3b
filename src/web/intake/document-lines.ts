import { beginning } from '../../fhir/beginning.ts'
import { isNumber } from '../../fhir/json.ts'
import { type Html, html } from '../page/html.ts'

type Line = { readonly text: string; readonly pointer: string }

/**
 * A document as lines of JSON, with the places marked that the JSON pointers name. For a place that does not exist, the one in which it should
 * be is marked.
 */
export const documentLines = (document: unknown, pointers: readonly string[], label: string): Html => {
  const lines = linesOf(document, { pointer: '', before: '', after: '', indent: '' })
  const known = new Set(lines.map(({ pointer }) => pointer))
  const marked = new Set(pointers.map(pointer => nearest(pointer, known)))
  const shown = lines.slice(0, most)
  return html`<pre class="border rounded p-3" tabindex="0" role="region" aria-label="${label}">${shown.map(
    ({ text, pointer }, index) => {
      const isFirst = marked.has(pointer) && lines[index - 1]?.pointer !== pointer
      return isFirst && shown.findIndex(one => one.pointer === pointer) === index
        ? html`<mark>${plainly(text)}</mark>\n`
        : html`${plainly(text)}\n`
    },
  )}</pre>
${lines.length > most && html`<p>These are the first ${most} of ${lines.length} lines.</p>`}`
}

const most = 2000

/**
 * The text as it is in the document, cut off if a single line is long. Invisible characters, and those that would turn round the rest of the
 * line, are written as JSON escapes.
 */
export const plainly = (text: string, longest = 4000): string => {
  const shown = beginning(text, longest).replace(unseen, one => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return text.length > longest ? `${shown}… (${text.length} characters)` : shown
}

const unseen = /(?![\t\n])[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu

const nearest = (pointer: string, known: ReadonlySet<string>): string => {
  for (let at = pointer; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) if (known.has(at)) return at
  return ''
}

type Place = { readonly pointer: string; readonly before: string; readonly after: string; readonly indent: string }

const linesOf = (value: unknown, place: Place): readonly Line[] => {
  const { pointer, before, after, indent } = place
  const parts = partsOf(value)
  if (parts === undefined || parts.of.length === 0) {
    const text = parts === undefined ? JSON.stringify(value) : `${parts.open}${parts.close}`
    return [{ text: `${indent}${before}${text}${after}`, pointer }]
  }
  const { open, close, of } = parts
  const within = of.flatMap(([name, one], index) =>
    linesOf(one, {
      pointer: `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
      before: open === '[' ? '' : `${JSON.stringify(name)}: `,
      after: index === of.length - 1 ? '' : ',',
      indent: `${indent}  `,
    }),
  )
  return [
    { text: `${indent}${before}${open}`, pointer },
    ...within,
    { text: `${indent}${close}${after}`, pointer: `${pointer}/` },
  ]
}

const partsOf = (value: unknown) => {
  if (typeof value !== 'object' || value === null || isNumber(value)) return undefined
  return Array.isArray(value)
    ? { open: '[', close: ']', of: value.map((one, index): [string, unknown] => [String(index), one]) }
    : { open: '{', close: '}', of: Object.entries(value) }
}
