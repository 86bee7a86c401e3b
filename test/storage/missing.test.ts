import t from 'tap'
import { openSearching } from '../support/searching.ts'

/** https://hl7.org/fhir/R4/search.html#missing: whether the parameter, not the element, has a value. */
const { server, put, found } = await openSearching()
t.teardown(() => server.close())

const request = {
  resourceType: 'ServiceRequest',
  status: 'active',
  intent: 'order',
  subject: { reference: 'Patient/alive' },
}
const conceptMap = { resourceType: 'ConceptMap', status: 'draft' }

const resources = [
  { resourceType: 'Patient', id: 'alive' },
  { resourceType: 'Patient', id: 'dead', deceasedBoolean: true },
  { resourceType: 'Group', id: 'herd', type: 'animal', actual: true },
  { resourceType: 'Procedure', id: 'of-patient', status: 'completed', subject: { reference: 'Patient/alive' } },
  { resourceType: 'Procedure', id: 'of-group', status: 'completed', subject: { reference: 'Group/herd' } },
  {
    resourceType: 'Procedure',
    id: 'of-version',
    status: 'completed',
    subject: { reference: 'Patient/dead/_history/1' },
  },
  { ...request, id: 'daily', occurrenceTiming: { repeat: { frequency: 1, period: 1, periodUnit: 'd' } } },
  { ...request, id: 'in-may', occurrenceTiming: { event: ['2014-05-11', '2014-05-20'] } },
  { ...conceptMap, id: 'from-canonical', sourceCanonical: 'http://a.example/ValueSet/x|2' },
  { ...conceptMap, id: 'from-uri', sourceUri: 'http://a.example/ValueSet/x' },
  { ...conceptMap, id: 'from-nothing', experimental: true },
]
await put(...resources)

t.test('a parameter for one type of target has no value if another type is referred to', async t => {
  t.equal(await found('Procedure?patient:missing=true'), 'of-group')
  t.equal(await found('Procedure?patient:missing=false'), 'of-patient of-version')
  t.equal(await found('Procedure?subject:missing=true'), '')
})

t.test('a parameter that is the result of a test always has a value', async t => {
  t.equal(await found('Patient?deceased:missing=true'), '')
  t.equal(await found('Patient?deceased:missing=false'), 'alive dead')
})

t.test('what an expression asks of a type holds for types that are derived from it', async t => {
  t.equal(await found('ConceptMap?source-uri=http://a.example/ValueSet/x'), 'from-canonical from-uri')
  t.equal(await found('ConceptMap?source-uri:missing=true'), 'from-nothing')
})

t.test('a Timing without limits is at no time, so it is not at another time either', async t => {
  t.equal(await found('ServiceRequest?occurrence=ne2014-06'), 'in-may')
  t.equal(await found('ServiceRequest?occurrence=ge2014'), 'in-may')
})

t.test('an item of a list with only an extension is not a value', async t => {
  const why = { url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' }
  const named = (id: string, given: readonly (string | null)[]) => ({
    resourceType: 'Patient',
    id,
    name: [{ family: 'masked', given, _given: given.map(one => (one === null ? { extension: [why] } : null)) }],
  })
  await put(named('masked', [null]), named('half-masked', [null, 'Ann']))
  t.equal(await found('Patient?family=masked&given:missing=true'), 'masked')
  t.equal(await found('Patient?family=masked&given:missing=false'), 'half-masked')
})
