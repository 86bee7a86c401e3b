import t, { type Test } from 'tap'
import { openSearching } from '../support/searching.ts'

const { server, put, found } = await openSearching()
t.teardown(() => server.close())

const finds = async (t: Test, cases: Readonly<Record<string, string>>) => {
  for (const [query, expected] of Object.entries(cases)) t.equal(await found(`Basic?${query}`), expected, query)
}

const basic = (id: string, meta?: object) => ({ resourceType: 'Basic', id, code: { text: id }, meta })
const confidentiality = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality'
await put(
  basic('one', {
    profile: ['http://x.org/StructureDefinition/a|1.0'],
    source: 'http://src.org/app#1',
    tag: [{ system: 'http://t.org', code: 'one', display: 'Tag One' }],
    security: [{ system: confidentiality, code: 'R', display: 'restricted' }],
  }),
  basic('two', {
    profile: ['http://x.org/StructureDefinition/a/b'],
    source: 'http://src.org/app',
    tag: [{ code: 'two' }],
  }),
  basic('three'),
)

t.test('_profile finds resources that claim it, in a given version or in any', async t => {
  await finds(t, {
    '_profile=http://x.org/StructureDefinition/a': 'one',
    '_profile=http://x.org/StructureDefinition/a|1.0': 'one',
    '_profile=http://x.org/StructureDefinition/a|1': '',
    '_profile=http://x.org/StructureDefinition/a|2.0,http://x.org/StructureDefinition/a/b': 'two',
    '_profile=http://x.org/StructureDefinition': '',
    '_profile:below=http://x.org/StructureDefinition/a': 'one two',
    '_profile:above=http://x.org/StructureDefinition/a/b/c': 'two',
    '_profile:missing=true': 'three',
  })
})

t.test('_source is a URI and has all modifiers of one', async t => {
  await finds(t, {
    '_source=http://src.org/app': 'two',
    '_source=http://src.org/app%231': 'one',
    '_source:below=http://src.org/app': 'one two',
    '_source:above=http://src.org/app/x': 'two',
    '_source:missing=true': 'three',
    '_source:missing=false': 'one two',
  })
})

t.test('_tag and _security are tokens with their modifiers', async t => {
  await finds(t, {
    '_tag=one': 'one',
    '_tag=http://t.org|one': 'one',
    '_tag=http://t.org|': 'one',
    '_tag=|two': 'two',
    '_tag=|one': '',
    '_tag:not=one': 'three two',
    '_tag:not=http://t.org|one,|two': 'three',
    '_tag:text=tag': 'one',
    '_tag:missing=true': 'three',
    '_tag:missing=false': 'one two',
    [`_security=${confidentiality}|R`]: 'one',
    '_security:not=R': 'three two',
    '_security:text=restr': 'one',
    [`_security:below=${confidentiality}|R`]: 'one',
    '_security:missing=true': 'three two',
  })
})

t.test('_id takes several ids, and can exclude some', async t => {
  await finds(t, {
    '_id=one,three': 'one three',
    '_id:not=one': 'three two',
    '_id:not=one,two': 'three',
    '_id:missing=true': '',
    '_id:missing=false': 'one three two',
  })
})

t.test('_lastUpdated takes every prefix', async t => {
  const all = 'one three two'
  const cases = { eq: '', ne: all, gt: all, ge: all, lt: '', le: '', sa: all, eb: '', ap: '' }
  for (const [prefix, expected] of Object.entries(cases)) await finds(t, { [`_lastUpdated=${prefix}2001`]: expected })
  const now = new Date().toISOString().slice(0, 4)
  await finds(t, {
    [`_lastUpdated=ap${now}`]: all,
    [`_lastUpdated=eb${Number(now) + 2}`]: all,
    [`_lastUpdated=${now}`]: all,
  })
})

t.test('lenient handling ignores unknown parameters, but never a known one that is not understood', async t => {
  const lenient = async (query: string) => {
    const headers = { authorization: 'Bearer everything', prefer: 'handling=lenient' }
    const answer = await server.inject({ url: `/fhir/Basic?${query}`, headers })
    const { link, entry, issue } = answer.json()
    return answer.statusCode === 200
      ? [link[0].url.split('/fhir/')[1], entry[0].resource.issue[0].diagnostics, entry.length - 1]
      : [answer.statusCode, issue[0].diagnostics.slice(0, 60)]
  }
  t.strictSame(await lenient('foo:exact=1&_tag=one'), [
    'Basic?_tag=one',
    'foo:exact is not a search parameter of Basic here, or has no value, and was ignored',
    1,
  ])
  t.strictSame(await lenient('foo.bar:not=1'), [
    'Basic',
    'foo.bar:not is not a search parameter of Basic here, or has no value, and was ignored',
    3,
  ])
  t.strictSame(await lenient('_tag:foo=one'), [400, 'The modifier ":foo" is not supported for "_tag"; supported: '])
  t.strictSame(await lenient('_sort=foo'), [400, 'Basic cannot be sorted by "foo"; accepted, with or without "'])
})

t.test('a chain may be twenty references long', async t => {
  const organization = (level: number) => ({
    resourceType: 'Organization',
    id: `level-${level}`,
    name: `Level ${level}`,
    ...(level === 0 ? {} : { partOf: { reference: `Organization/level-${level - 1}` } }),
  })
  for (let level = 0; level <= 20; level++) await put(organization(level))
  const chain = (links: number) => `Organization?${'partof.'.repeat(links)}name=level%200`
  t.equal(await found(chain(7)), 'level-7')
  t.equal(await found(chain(20)), 'level-20')
  t.equal(await found(`Organization?${'_has:Organization:partof:'.repeat(20)}name=level%2020`), 'level-0')
  t.equal(await found(`Organization?_filter=${'partof.'.repeat(20)}name%20co%20%22level%200%22`), 'level-20')
})
