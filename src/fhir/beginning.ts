/** The beginning of a text that may be long. A letter that JavaScript counts as two is not cut in two: half of it would be shown as U+FFFD. */
export const beginning = (text: string, longest: number): string =>
  text.length > longest ? text.slice(0, longest).replace(/[\ud800-\udbff]$/, '') : text
