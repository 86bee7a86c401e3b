import t from 'tap'
import { referencedEntries, resolveReferences } from '../../src/interactions/local-reference.ts'

const urn = 'urn:uuid:11111111-1111-4111-8111-111111111111'
const inSeconds = (work: () => void): number => {
  const before = performance.now()
  work()
  return (performance.now() - before) / 1000
}

t.test('links of a narrative are found in one go, however many are begun and not ended', t => {
  for (const begun of ['<a href = ', '<a ', '<a href="', "<img src='x", '<a href', '<a    ']) {
    const narrative = (link: string) => ({
      text: { div: `${begun.repeat(50_000)}<a title='href="no"' href="${link}">` },
    })
    const resolved = inSeconds(() =>
      t.same(resolveReferences(narrative(urn), undefined, new Map([[urn, 'Patient/1']])), narrative('Patient/1')),
    )
    t.ok(resolved < 5, `${begun} took ${resolved} s`)
  }
  t.end()
})

t.test('a fullUrl is no longer than a URL may be, as it stands before each reference', t => {
  const links = { hasMember: Array.from({ length: 20_000 }, () => ({ reference: 'Observation/x' })) }
  const fullUrlOf = (length: number) =>
    `${'http://x.example/'.padEnd(length - '/Observation/1'.length, 'a')}/Observation/1`
  const tooLong = fullUrlOf(2049)
  const words = { message: 'A fullUrl has at most 2048 characters, not 2049' }
  t.throws(() => resolveReferences(links, tooLong, new Map()), words)
  t.throws(() => referencedEntries(links, tooLong, new Set()), words)
  const other = fullUrlOf(2048).replace(/1$/, 'x')
  const took = inSeconds(() => t.same([...referencedEntries(links, fullUrlOf(2048), new Set([other]))], [other]))
  t.ok(took < 5, `took ${took} s`)
  t.end()
})
