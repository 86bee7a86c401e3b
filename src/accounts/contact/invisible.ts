/**
 * Whether there is a character that nobody sees, or that turns round those beside it. Such an address or number is another one than it seems to be.
 * https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing
 */
export const hasInvisible = (text: string): boolean => /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u.test(text)

/** What staff are told. */
export const invisibleTold =
  'There are characters in it that cannot be seen, which may have been copied along. Type it instead'
