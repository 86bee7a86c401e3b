/**
 * A text that is safe inside others. Anybody can choose a name, and neither the control characters in it nor its own direction may turn round
 * the text beside it, such as a date. What could do so depends on the direction of the text in which it stands; an address of the web stays as it
 * is, since the mark would become part of it. https://www.w3.org/TR/string-meta/#bidi-isolation
 */
export const isolated = (text: string, within: 'ltr' | 'rtl' = 'ltr'): string => {
  const own = upright(text)
  const isOther = rightToLeft.test(own) || (within === 'rtl' && !/^https?:/.test(own))
  return isOther && !wrapped.test(own) ? `\u2068${own}\u2069` : own
}

/** The text without control characters that would turn round what follows it. */
export const upright = (text: string): string => {
  const plain = text.replace(overrides, '')
  return isBalanced(plain) ? plain : plain.replace(isolates, '')
}

/** These turn round letters as well, and go on until they are ended. */
const overrides = /[\u202a-\u202e]/g
const isolates = /[\u2066-\u2069]/g
const rightToLeft = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\u061c\u200f]/u
const wrapped = /^\u2068[^\u2066-\u2069]*\u2069$/

const isBalanced = (text: string): boolean => {
  let open = 0
  for (const [one] of text.matchAll(isolates)) {
    open += one === '\u2069' ? -1 : 1
    if (open < 0) return false
  }
  return open === 0
}
