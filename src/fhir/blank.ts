/**
 * Whether nothing of it would be visible: spaces, marks that only text editors know, such as those that turn the direction of text, and letters
 * and signs that are empty, such as the Hangul filler and the blank of Braille.
 */
export const isBlank = (text: string): boolean =>
  !/(?![\p{Default_Ignorable_Code_Point}\u2800])[\p{L}\p{N}\p{P}\p{S}]/u.test(text)
