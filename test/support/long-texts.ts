/** So many characters, in strings that are each as long as R4 allows. */
export const longTexts = (length: number): readonly string[] =>
  Array.from({ length: Math.ceil(length / most) }, (_, index) => 'x'.repeat(Math.min(most, length - index * most)))

const most = 1024 * 1024
