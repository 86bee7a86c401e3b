/** The characters of XML, and how they are written. https://www.w3.org/TR/xml/#sec-references */

/** What is wrong, and at which index of the text. */
export type Fault = { readonly words: string; readonly at?: number }

/** Finds the two characters that XML excludes, but the format of a string does not. https://www.w3.org/TR/xml/#charsets */
export const strangeCharacter = (text: string): Fault | undefined => {
  const at = text.search(/[\uFFFE\uFFFF]/)
  return at < 0 ? undefined : { words: 'U+FFFE and U+FFFF are no characters', at }
}

/** Finds a `&` that begins none of XML's references. */
export const referenceFault = (text: string): Required<Fault> | undefined => {
  for (let at = text.indexOf('&'); at >= 0; at = text.indexOf('&', at + 1)) {
    reference.lastIndex = at
    const found = reference.exec(text)
    if (found !== null && isCharacter(codeOf(found))) continue
    const [word = '&'] = /^&#?\w{0,20};?/.exec(text.slice(at, at + 30)) ?? []
    return { words: `${word} stands for nothing in XML: ${accepted}`, at }
  }
  return undefined
}

const accepted =
  '& is written &amp;, and a character as itself or by its number, as &#160; for &nbsp;; names are there for &amp; &lt; &gt; &quot; &apos; alone'

/** The text that is meant by a value in XML. */
export const unescaped = (text: string): string =>
  text.includes('&') ? text.replace(everyReference, (...found) => String.fromCodePoint(codeOf(found))) : text

const reference = /&(?:(amp|lt|gt|quot|apos)|#(\d+)|#x([\da-fA-F]+));/y
const everyReference = new RegExp(reference.source, 'g')

const codeOf = ([, name, decimal, hexadecimal]: readonly (string | undefined)[]): number => {
  if (name !== undefined) return named[name]?.codePointAt(0) ?? 0
  return decimal === undefined ? Number.parseInt(hexadecimal ?? '', 16) : Number(decimal)
}

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

const isCharacter = (code: number): boolean =>
  code < 0x20
    ? code === 0x9 || code === 0xa || code === 0xd
    : code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) && code !== 0xfffe && code !== 0xffff
