/**
 * A text as it may stand among others: names are written by whoever has one to give, and neither a control in them nor their own
 * direction may turn round what stands beside, such as a date. https://www.w3.org/TR/string-meta/#bidi-isolation
 */
export const isolated = (text: string): string => {
  const plain = text.replace(overrides, '')
  const own = isBalanced(plain) ? plain : plain.replace(isolates, '')
  return rightToLeft.test(own) && !wrapped.test(own) ? `\u2068${own}\u2069` : own
}

/** They turn round letters too, and end nowhere unless they say so. */
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
