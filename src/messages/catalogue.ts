import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import english from './catalogue/en.json' with { type: 'json' }
import { exactDecimal } from './exact-decimal.ts'
import { isolated } from './isolated.ts'

/** The texts for patients in one language. */
export type Words = {
  /** The code in BCP 47, as in `lang`. */
  readonly code: string
  readonly say: (key: Key, values?: Readonly<Record<string, string | number>>) => string
  /** The name of a kind of data; `display` is used if the language has no word for it. */
  readonly kind: (key: string, display: string) => string
  /** The same text cut at its values: text, the name of a value, text, and so on. */
  readonly parts: (key: Key) => readonly string[]
  /**
   * With that many decimals, or with those that it has, after the decimal sign of the language. Digits are not grouped, since in one language a
   * point does what a comma does in another.
   */
  readonly number: (value: number, decimals?: number) => string
  /** The day in UTC. */
  readonly day: (time: Date) => string
  /** The moment in UTC, with the words that say so. */
  readonly moment: (time: Date) => string
}

export type Key = keyof typeof english

const folder = join(import.meta.dirname, 'catalogue')

/** Each file is a language, so a language is added by adding its file. English is the one in which nothing is missing. */
const catalogue: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map(
  readdirSync(folder).map(file => [file.replace(/\.json$/, ''), JSON.parse(readFileSync(join(folder, file), 'utf8'))]),
)

/** Each with its code and its own name for itself. */
export const languages: readonly { readonly code: string; readonly name: string }[] = [...catalogue].map(
  ([code, texts]) => ({ code, name: texts.language ?? code }),
)

export const languageCodes: readonly string[] = languages.map(({ code }) => code)

/** The first language that is asked for and known, or else English. https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4 */
export const wordsFor = (acceptLanguage: string | undefined): Words => {
  const code = preferred(acceptLanguage ?? '')
  const words = known.get(code) ?? wordsOf(code)
  known.set(code, words)
  return words
}

/** There are few languages, so each is put together once, and not for each page. */
const known = new Map<string, Words>()

const preferred = (header: string): string => {
  const asked = header.split(',').map(part => {
    const [range = '', ...parameters] = part.trim().split(';')
    const quality = parameters.map(one => /^\s*q=([\d.]+)$/.exec(one)?.[1]).find(Boolean)
    return { language: range.split('-')[0]?.toLowerCase() ?? '', quality: Number(quality ?? 1) }
  })
  const spoken = asked.filter(({ language, quality }) => catalogue.has(language) && quality > 0)
  return spoken.toSorted((one, other) => other.quality - one.quality)[0]?.language ?? 'en'
}

const wordsOf = (code: string): Words => {
  const texts: Readonly<Record<string, string>> = { ...english, ...catalogue.get(code) }
  const day = new Intl.DateTimeFormat(code, { dateStyle: 'long', timeZone: 'UTC' })
  const moment = inUtc(code)
  const number = numberIn(code)
  const told = (value: string | number = '') => (typeof value === 'number' ? number(value) : isolated(value))
  return {
    code,
    say: (key, values = {}) => (texts[key] ?? key).replace(/\{(\w+)\}/g, (_, name: string) => told(values[name])),
    kind: (key, display) => texts[`kind.${key}`] ?? display,
    parts: key => (texts[key] ?? key).split(/\{(\w+)\}/),
    number,
    day: time => day.format(time),
    moment: time => `${moment.format(time)} UTC`,
  }
}

const inUtc = (code: string) =>
  new Intl.DateTimeFormat(code === 'en' ? 'en-GB' : code, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' })

const numberIn = (code: string): Words['number'] => {
  const formatOf = (decimals?: number) =>
    new Intl.NumberFormat(code, {
      useGrouping: false,
      ...(decimals === undefined
        ? { maximumFractionDigits: 3 }
        : { minimumFractionDigits: decimals, maximumFractionDigits: decimals }),
    })
  const exact = formatOf()
  const rounded = [0, 1, 2, 3].map(formatOf)
  return (value, decimals) =>
    decimals === undefined ? exact.format(value) : (rounded[decimals] ?? formatOf(decimals)).format(exactDecimal(value))
}
