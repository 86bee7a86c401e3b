import type { Extension, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { askOf, textAsks } from '../../src/access/text-asks.ts'
import { extensions } from '../../src/fhir/canonical.ts'

const version = (...asks: readonly string[]): Extension => ({
  url: extensions.patientText,
  extension: [{ url: 'version', valueString: '1' }, ...asks.map(valueString => ({ url: 'asks', valueString }))],
})
const asksOf = (...extension: readonly Extension[]) => {
  const study: ResearchStudy = { resourceType: 'ResearchStudy', status: 'active', extension: [...extension] }
  const asks = textAsks(study)
  return asks && [...asks]
}

t.test(
  'a study asks for what the last version of its text names, and an earlier version asks for nothing more',
  async t => {
    t.strictSame(asksOf(version('omh:heart-rate'), version('omh:body-weight')), ['omh:body-weight'])
    t.strictSame(
      asksOf(version('omh:heart-rate'), version('omh:body-weight'), { url: 'urn:x', valueString: 'later' }),
      ['omh:body-weight'],
    )
    t.equal(asksOf(version('omh:heart-rate'), version()), undefined, 'one that names nothing leaves it to the study')
    t.equal(textAsks({ resourceType: 'ResearchStudy', status: 'active' }), undefined)
  },
)

t.test('a kind from one source is another thing to ask for than the kind from any', async t => {
  t.equal(askOf('omh:heart-rate', undefined), 'omh:heart-rate')
  t.equal(askOf('omh:heart-rate', 'watch'), 'omh:heart-rate Device/watch')
})
