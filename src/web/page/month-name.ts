import { languageCodes } from '../../messages/catalogue.ts'

/** The two digits of a month by its name in a language of ours, or by three letters of it or more; undefined if it is none. */
export const namedMonth = (text: string): string | undefined => {
  const plain = lettersOf(text)
  if (plain.length < 3) return undefined
  const found = new Set(
    monthNames.flatMap(names => names.flatMap((name, at) => (name.startsWith(plain) ? at + 1 : []))),
  )
  return found.size === 1 ? String([...found][0]).padStart(2, '0') : undefined
}

/** For comparing: without accents, and in small letters. */
export const lettersOf = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/[^\p{L}]+/gu, '')
    .toLowerCase()

const monthNames: readonly (readonly string[])[] = languageCodes.map(code => {
  const month = new Intl.DateTimeFormat(code, { month: 'long', timeZone: 'UTC' })
  return Array.from({ length: 12 }, (_, at) => lettersOf(month.format(Date.UTC(2000, at))))
})
