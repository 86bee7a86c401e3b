import { readFileSync, writeFileSync } from 'node:fs'

/**
 * A part of a document that a test writes: it is between `<!-- NAME -->` and `<!-- end of NAME -->`. Answers what is there; with --update, writes
 * what should be there.
 */
export const writtenPart = (path: string, name: string, wanted: string): string => {
  const file = new URL(`../../${path}`, import.meta.url)
  const whole = readFileSync(file, 'utf8')
  const [before, ...rest] = whole.split(`<!-- ${name} -->\n`)
  const [part, ...after] = rest.join('').split(`\n<!-- end of ${name} -->`)
  if (before === undefined || part === undefined || after.length !== 1) throw new Error(`${path} has no part ${name}`)
  if (!process.argv.includes('--update')) return part.trim()
  writeFileSync(file, `${before}<!-- ${name} -->\n\n${wanted}\n\n<!-- end of ${name} -->${after[0]}`)
  return wanted
}

/** A table in Markdown. */
export const markdownTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')
