/** The part of FHIRPath that search parameters use. https://hl7.org/fhir/R4/searchparameter-definitions.html#SearchParameter.expression */

export type PathExpression =
  | { readonly kind: 'union'; readonly of: readonly PathExpression[] }
  /** `of` absent: the name of the type, or of an element of the context. */
  | { readonly kind: 'child'; readonly of?: PathExpression; readonly name: string }
  | { readonly kind: 'as'; readonly of: PathExpression; readonly type: string }
  | { readonly kind: 'index'; readonly of: PathExpression; readonly index: number }
  | { readonly kind: 'where'; readonly of: PathExpression; readonly name: string; readonly equals: string }
  | { readonly kind: 'resolves'; readonly of: PathExpression; readonly type: string }
  | { readonly kind: 'test'; readonly of: PathExpression }

/** Throws SyntaxError if the text uses more of FHIRPath than that. */
export const parsePath = (text: string): PathExpression => {
  const tested = test.exec(text)
  if (tested?.[1] !== undefined) return { kind: 'test', of: parsePath(tested[1]) }
  const tokens = tokensOf(text)
  const expression = parseUnion(tokens)
  if (tokens.length > 0) throw new SyntaxError(`'${tokens.join(' ')}' is not understood in '${text}'`)
  return expression
}

/** What may follow a path, and what it makes of the path. The first that fits is taken. */
const suffixes: readonly [RegExp, (of: PathExpression, found: RegExpExecArray) => PathExpression][] = [
  [/^\.(?:as|ofType)\((\w+)\)/, (of, [, type = '']) => ({ kind: 'as', of, type })],
  [/^\.where\(resolve\(\) is (\w+)\)/, (of, [, type = '']) => ({ kind: 'resolves', of, type })],
  [/^\.where\((\w+) ?= ?'([^']*)'\)/, (of, [, name = '', equals = '']) => ({ kind: 'where', of, name, equals })],
  [/^\.extension\('([^']*)'\)/, (of, [, url = '']) => extension(of, url)],
  [/^\[(\d+)\]/, (of, [, index]) => ({ kind: 'index', of, index: Number(index) })],
  [/^\.(\w+)(?!\w|\()/, (of, [, name = '']) => ({ kind: 'child', of, name })],
  [/^ as (\w+)/, (of, [, type = '']) => ({ kind: 'as', of, type })],
]

const test = /^([\w.]+)\.exists\(\) and \1 != false$/

const extension = (of: PathExpression, url: string): PathExpression => ({
  kind: 'where',
  of: { kind: 'child', of, name: 'extension' },
  name: 'url',
  equals: url,
})

/** Names, brackets and bars. A suffix is one token; none can be mistaken for a name. */
const tokensOf = (text: string): string[] => {
  const tokens: string[] = []
  let rest = text.trim()
  while (rest !== '') {
    const token = tokenAt(rest)
    if (token === undefined) throw new SyntaxError(`'${rest}' is not understood in '${text}'`)
    tokens.push(token)
    rest = rest.slice(token.length)
    if (!rest.startsWith(' as ')) rest = rest.trimStart()
  }
  return tokens
}

const tokenAt = (text: string): string | undefined => {
  for (const [pattern] of suffixes) {
    const found = pattern.exec(text)
    if (found !== null) return found[0]
  }
  return /^(?:[A-Za-z_]\w*(?!\()|[()|])/.exec(text)?.[0]
}

const parseUnion = (tokens: string[]): PathExpression => {
  const of = [parseTerm(tokens)]
  while (tokens[0] === '|') {
    tokens.shift()
    of.push(parseTerm(tokens))
  }
  const [only] = of
  return of.length === 1 && only !== undefined ? only : { kind: 'union', of }
}

const parseTerm = (tokens: string[]): PathExpression => {
  let expression = parseHead(tokens)
  for (let next = suffixed(expression, tokens[0]); next !== undefined; next = suffixed(expression, tokens[0])) {
    tokens.shift()
    expression = next
  }
  return expression
}

const parseHead = (tokens: string[]): PathExpression => {
  const head = tokens.shift()
  if (head === undefined || head === ')' || head === '|') throw new SyntaxError(`'${head ?? ''}' where a path begins`)
  if (head !== '(') return { kind: 'child', name: head }
  const expression = parseUnion(tokens)
  if (tokens.shift() !== ')') throw new SyntaxError('a bracket stays open')
  return expression
}

const suffixed = (of: PathExpression, token: string | undefined): PathExpression | undefined => {
  if (token === undefined) return undefined
  for (const [pattern, make] of suffixes) {
    const found = pattern.exec(token)
    if (found !== null) return make(of, found)
  }
  return undefined
}
