import t from 'tap'
import { parsePrefer } from '../../../src/http/fhir/prefer.ts'

t.test('the first mention of a preference counts, beside unknown ones', t => {
  const strict = { handling: 'strict' }
  for (const [header, expected] of [
    [undefined, strict],
    ['return=minimal', { ...strict, return: 'minimal' }],
    ['return=minimal, return=representation', { ...strict, return: 'minimal' }],
    ['wait=10, Return="representation", respond-async', { ...strict, return: 'representation', respondAsync: true }],
    ['handling=lenient, handling=strict', { handling: 'lenient' }],
    ['handling=strict, handling=lenient', strict],
    ['return=nothing, return=minimal', strict],
  ] as const)
    t.strictSame(parsePrefer(header), expected, header ?? 'none')
  t.end()
})
