import t from 'tap'
import { wantsContent } from '../../../src/http/fhir/media-type.ts'

t.test('content of another type is answered itself, unless a format of FHIR is named that is wanted more', async t => {
  for (const [accept, isWanted] of [
    [undefined, true],
    ['', true],
    ['*/*', true],
    ['image/*', true],
    ['image/png', true],
    ['application/fhir+json', false],
    ['image/png, application/fhir+json', true],
    ['application/fhir+json, image/png', false],
    ['image/png;q=0.5, application/fhir+json', false],
    ['application/fhir+json;q=0.5, image/png', true],
    ['application/fhir+xml;q=0.9, application/fhir+json;q=0.1, image/png;q=0.5', false],
    ['image/png;q=0, application/fhir+json', false],
    ['image/png, application/fhir+json;q=0', true],
    ['application/fhir+json, */*', false],
    ['image/png;q=0, */*', undefined],
    ['text/html', true],
    ['application/octet-stream;q=0.1', true],
    ['text/html, image/png;q=0', undefined],
    ['text/html;q=0', undefined],
    ['application/fhir+turtle', undefined],
  ] as const)
    t.equal(wantsContent(accept, 'image/png'), isWanted, String(accept))
})

t.test(
  'content of the type application/json is wanted if that is preferred to the resource, in whatever order',
  async t => {
    for (const [accept, isWanted] of [
      ['application/json', true],
      ['application/json, application/fhir+json', true],
      ['application/fhir+json, application/json', false],
      ['application/json;q=0.8, application/fhir+json;q=0.9', false],
      ['application/fhir+json;q=0.9, application/json;q=0.8', false],
      ['application/fhir+json;q=0.8, application/json;q=0.9', true],
    ] as const)
      t.equal(wantsContent(accept, 'application/json'), isWanted, accept)
  },
)
