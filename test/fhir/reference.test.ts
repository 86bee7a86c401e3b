import t from 'tap'
import { parseReference } from '../../src/fhir/reference.ts'

const base = 'http://localhost:8080/fhir'

const references: readonly [text: string, parsed: unknown][] = [
  ['Patient/1', { type: 'Patient', id: '1' }],
  ['Patient/1/_history/2', { type: 'Patient', id: '1', versionId: '2' }],
  [`${base}/Patient/1`, { type: 'Patient', id: '1' }],
  [`${base}2/Patient/1`, { url: `${base}2/Patient/1` }],
  ['https://elsewhere.org/Patient/1', { url: 'https://elsewhere.org/Patient/1' }],
  ['urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0', { url: 'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0' }],
  ['Patient?identifier=a|b', { url: 'Patient?identifier=a|b' }],
  ['#p1', { fragment: 'p1' }],
  ['#', { fragment: '' }],
  ['Nothing/1', undefined],
  ['Patient/', undefined],
  ['Patient/a b', undefined],
  ['patient', undefined],
  ['', undefined],
]

t.test('a reference is a resource of this server, a url, or a contained resource', async t => {
  for (const [text, parsed] of references) t.same(parseReference(text, base), parsed, text)
})

t.test('without a base only a relative reference is local', async t => {
  t.same(parseReference(`${base}/Patient/1`), { url: `${base}/Patient/1` })
})
