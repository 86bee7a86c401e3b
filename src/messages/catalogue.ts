import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import english from './catalogue/en.json' with { type: 'json' }
import { directionOf } from './direction.ts'
import { exactDecimal } from './exact-decimal.ts'
import { isolated } from './isolated.ts'
import { preferredLanguage } from './preferred-language.ts'

/** The texts for patients in one language. */
export type Words = {
  /** The code in BCP 47, as in `lang`. */
  readonly code: string
  readonly direction: 'ltr' | 'rtl'
  /** If the language has several plurals, that of the number: of `chart.days` for 3, `chart.days#few`, if there is such a text. */
  readonly say: (key: Key, values?: Values) => string
  /** The name of a kind of data; `display` is used if the language has no word for it. */
  readonly kind: (key: string, display: string) => string
  /** What a code of that group means; undefined if it is not among those that we name. */
  readonly meaning: (group: 'part' | 'answer' | 'absent', code: string) => string | undefined
  /** The same text cut at its values: text, the name of a value, text, and so on. `values`: the numbers in it. */
  readonly parts: (key: Key, values?: Values) => readonly string[]
  /**
   * With that many decimals, or with those that it has, after the decimal sign of the language. Digits are not grouped, since in one language a
   * point does what a comma does in another.
   */
  readonly number: (value: number, decimals?: number) => string
  /** A decimal as it was sent, with all its digits: 0.0004 is not 0, and 60.50 says more than 60.5. */
  readonly decimal: (digits: string) => string
  /** Several as one part of a sentence, joined as the language does it. */
  readonly list: (items: readonly string[]) => string
  /** The day in UTC. */
  readonly day: (time: Date) => string
  /** Its month and year. */
  readonly month: (time: Date) => string
  /** The day without the year, with the day of the week, for where there is little room. */
  readonly shortDay: (time: Date) => string
  /** The moment in UTC, with the words that say so. */
  readonly moment: (time: Date) => string
}

export type Key = keyof typeof english

type Values = Readonly<Record<string, string | number>>

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

/** The words in the language that is served of those that are asked for, or else in English. */
export const wordsFor = (acceptLanguage: string | undefined): Words => {
  const code = preferredLanguage(acceptLanguage ?? '', languageCodes)
  const words = known.get(code) ?? wordsOf(code)
  known.set(code, words)
  return words
}

/** There are few languages, so each is put together once, and not for each page. */
const known = new Map<string, Words>()

/** A language that lacks a text says it in English; only a test insists that none is lacking. */
const wordsOf = (code: string): Words => wordsIn(code, catalogue.get(code) ?? {})

/** The words of a language that has these texts. */
export const wordsIn = (code: string, own: Readonly<Record<string, string>>): Words => {
  const texts: Readonly<Record<string, string>> = { ...english, ...own }
  const direction = directionOf(code)
  const day = new Intl.DateTimeFormat(localeOf(code), { dateStyle: 'long', timeZone: 'UTC', calendar })
  const month = new Intl.DateTimeFormat(localeOf(code), { month: 'long', year: 'numeric', timeZone: 'UTC', calendar })
  const shortDay = new Intl.DateTimeFormat(localeOf(code), { ...inShort, timeZone: 'UTC', calendar })
  const moment = inUtc(code)
  const { number, decimal } = numbersOf(code)
  const joined = new Intl.ListFormat(localeOf(code))
  const plural = new Intl.PluralRules(code)
  /** Of several numbers, the one that stands last decides. */
  const textOf = (key: string, values: Values): string => {
    const text = texts[key] ?? key
    const counted = [...text.matchAll(/\{(\w+)\}/g)].flatMap(([, name = '']) => numbersIn(values[name])).at(-1)
    return (counted === undefined ? undefined : texts[`${key}#${plural.select(counted)}`]) ?? text
  }
  const told = (value: string | number = '') => (typeof value === 'number' ? number(value) : isolated(value, direction))
  return {
    code,
    direction,
    say: (key, values = {}) => textOf(key, values).replace(/\{(\w+)\}/g, (_, name: string) => told(values[name])),
    kind: (key, display) => texts[`kind.${key}`] ?? display,
    meaning: (group, code) => texts[`${group}.${code}`],
    parts: (key, values = {}) => textOf(key, values).split(/\{(\w+)\}/),
    number,
    decimal,
    list: items => joined.format(items.map(item => isolated(item, direction))),
    day: time => day.format(time),
    month: time => month.format(time),
    shortDay: time => shortDay.format(time).replaceAll(',', ''),
    moment: time => `${moment.format(time)} UTC`,
  }
}

const numbersIn = (value: string | number | undefined): readonly number[] => (typeof value === 'number' ? [value] : [])

/** Everywhere, since the days that people type are days of it. */
const calendar = 'gregory'

const inShort = { weekday: 'short', day: 'numeric', month: 'short' } as const

/** Days as in moments, without commas, and no comma before "and". */
const localeOf = (code: string): string => (code === 'en' ? 'en-GB' : code)

const inUtc = (code: string) =>
  new Intl.DateTimeFormat(localeOf(code), {
    dateStyle: 'long',
    timeStyle: 'short',
    timeZone: 'UTC',
    calendar,
  })

const numbersOf = (code: string): Pick<Words, 'number' | 'decimal'> => {
  const formatOf = (decimals?: number) =>
    new Intl.NumberFormat(code, {
      useGrouping: false,
      ...(decimals === undefined
        ? { maximumFractionDigits: 3 }
        : { minimumFractionDigits: decimals, maximumFractionDigits: decimals }),
    })
  const exact = formatOf()
  const rounded = [0, 1, 2, 3].map(formatOf)
  const formatWith = (decimals: number) => rounded[decimals] ?? formatOf(decimals)
  return {
    number: (value, decimals) =>
      decimals === undefined ? exact.format(value) : formatWith(decimals).format(exactDecimal(value)),
    decimal: digits => {
      const decimals = decimalsOf(digits)
      return decimals <= mostDecimals && Number.isFinite(Number(digits))
        ? formatWith(decimals).format(digits as `${number}`)
        : digits
    },
  }
}

/** Of 1.5e-7 eight. */
const decimalsOf = (digits: string): number => {
  const [mantissa = '', exponent = '0'] = digits.split(/e/i)
  const [, fraction = ''] = mantissa.split('.')
  return Math.max(0, fraction.length - Number(exponent))
}

/** More than these cannot be asked for. https://tc39.es/ecma402/#sec-intl.numberformat */
const mostDecimals = 100
