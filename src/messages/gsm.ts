/** https://www.etsi.org/deliver/etsi_ts/123000_123099/123038/: what a text message carries at seven bits a character. */
const basic =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà'
/** Each of these is sent as two characters. */
const extension = '^{}\\[~]|€\f'

/**
 * The same text without accents and signs that would more than double its price, since one of them makes every character as wide as itself. Text
 * in other scripts is unchanged.
 */
export const toGsm = (text: string): string =>
  [...text.normalize('NFC')].map(one => (widthOf(one) > 0 ? one : (replaced[one] ?? plain(one)))).join('')

/** How many messages the text is charged as. */
export const segmentsOf = (text: string): number => {
  const widths = [...text].map(widthOf)
  const isGsm = !widths.includes(0)
  const length = isGsm ? widths.reduce((sum, width) => sum + width, 0) : text.length
  const [alone, joined] = isGsm ? [160, 153] : [70, 67]
  return length <= alone ? 1 : Math.ceil(length / joined)
}

const widthOf = (one: string): number => (basic.includes(one) ? 1 : extension.includes(one) ? 2 : 0)

const replaced: Readonly<Record<string, string>> = {
  '’': "'",
  '‘': "'",
  '‚': "'",
  '‹': "'",
  '›': "'",
  '`': "'",
  '´': "'",
  '“': '"',
  '”': '"',
  '„': '"',
  '«': '"',
  '»': '"',
  '–': '-',
  '—': '-',
  '‐': '-',
  '\u2011': '-',
  '−': '-',
  '•': '-',
  '·': '.',
  '…': '...',
  '\u00ad': '',
  '\u200b': '',
  // Letters of the Latin script that are none of the others with an accent.
  Ł: 'L',
  ł: 'l',
  Đ: 'D',
  đ: 'd',
  Ħ: 'H',
  ħ: 'h',
  Œ: 'OE',
  œ: 'oe',
  ẞ: 'ß',
  ı: 'i',
}

const plain = (one: string): string => {
  const bare = one.normalize('NFKD').replace(/\p{M}/gu, '')
  return bare !== '' && [...bare].every(letter => widthOf(letter) > 0) ? bare : one
}
