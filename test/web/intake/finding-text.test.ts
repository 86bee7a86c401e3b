import t from 'tap'
import findings from '../../../fhir-profiles/CodeSystem-document-finding.json' with { type: 'json' }
import { findingText, findingTexts } from '../../../src/web/intake/finding-text.ts'

t.test('each reason has its own words, without those of whoever makes apps', async t => {
  t.strictSame([...findingTexts.keys()].toSorted(), findings.concept.map(({ code }) => code).toSorted())
  t.equal(new Set(findingTexts.values()).size, findingTexts.size)
  for (const [rule, text] of findingTexts) t.notMatch(text, /schema|json|base64|Observation|[A-Z]{2}/, rule)
  t.equal(findingText('constructor'), 'Not accepted as it is')
})
