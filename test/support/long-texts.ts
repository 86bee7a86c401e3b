/** As many characters in texts of which each is as long as R4 lets a string be. */
export const longTexts = (length: number): readonly string[] =>
  Array.from({ length: Math.ceil(length / most) }, (_, index) => 'x'.repeat(Math.min(most, length - index * most)))

const most = 1024 * 1024
