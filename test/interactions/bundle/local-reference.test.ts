import t from 'tap'
import { longestUrl } from '../../../src/interactions/bundle/entry.ts'
import { referencedEntries, resolveReferences } from '../../../src/interactions/bundle/local-reference.ts'

const urn = 'urn:uuid:11111111-1111-4111-8111-111111111111'
t.test('links of a narrative are found in one pass, however many are begun and not ended', t => {
  for (const begun of ['<a href = ', '<a ', '<a href="', "<img src='x", '<a href', '<a    ']) {
    const narrative = (link: string) => ({
      text: { div: `${begun.repeat(50_000)}<a title='href="no"' href="${link}">` },
    })
    t.same(resolveReferences(narrative(urn), undefined, new Map([[urn, 'Patient/1']])), narrative('Patient/1'), begun)
  }
  t.end()
})

t.test('a fullUrl of the maximum length can be the base of many references', t => {
  const links = { hasMember: Array.from({ length: 20_000 }, () => ({ reference: 'Observation/x' })) }
  const fullUrl = `${'http://x.example/'.padEnd(longestUrl - '/Observation/1'.length, 'a')}/Observation/1`
  const other = fullUrl.replace(/1$/, 'x')
  t.same([...referencedEntries(links, fullUrl, new Set([other]))], [other])
  t.end()
})
