import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { analyse } from 'scslre'
import t from 'tap'
import ts from 'typescript'

const root = join(import.meta.dirname, '..')

/** Patterns that would take long for a long text, and why they never get one that somebody else has written. */
const neverLong: Readonly<Record<string, string>> = {
  '<[^>]*$|="[^"]*$|<textarea\\b[^<]*$': 'reads the templates of our pages, without what is put into them',
  '^[^<>@\\r\\n]*<?[^\\s<>@]+@[^\\s<>@]+>?$': 'reads MAIL_FROM, which the operator has set',
  "^([!#$%&'*+.^_`|~\\w-]+):[ \\t]*([\\x20-\\x7e]+)$": 'reads SMS_GATEWAY_HEADER, which the operator has set',
  '^(\\+?[\\p{Nd}\\s()./\\p{Pd}]+?)(?:[\\s,;]*(?:ext\\.?|extension|x|#)\\s*(\\p{Nd}+))?$':
    'reads a telephone number of at most 60 characters',
}

type Literal = { readonly source: string; readonly flags: string; readonly line: number }

const literalsIn = (file: string): readonly Literal[] => {
  const text = ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest, true)
  const found: Literal[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/')
      const { line } = text.getLineAndCharacterOfPosition(node.getStart())
      found.push({ source: node.text.slice(1, end), flags: node.text.slice(end + 1), line: line + 1 })
    }
    ts.forEachChild(node, visit)
  }
  visit(text)
  return found
}

const slowIn = (file: string) =>
  literalsIn(file).flatMap(({ source, flags, line }) => {
    const { reports } = analyse({ source, flags }, { reportTypes: { Move: true, Self: true, Trade: true } })
    return reports.length > 0 ? [{ source, at: `${file}:${line}` }] : []
  })

/**
 * A pattern such as 0+$ begins anew at each zero of a number that has a million of them: a single request would keep all others waiting for minutes.
 * Behind (?<!0) it begins once. https://owasp.org/www-community/attacks/Regular_expression_Denial_of_Service_-_ReDoS
 */
t.test('no pattern takes a time that grows with the square of a text', async t => {
  const slow = globSync('src/**/*.ts', { cwd: root }).flatMap(slowIn)
  t.same(slow.map(({ source }) => source).toSorted(), Object.keys(neverLong).toSorted(), JSON.stringify(slow, null, 2))
})
