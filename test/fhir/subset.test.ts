import t from 'tap'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { elementNames, maskOf } from '../../src/fhir/subset.ts'

const { structures, resourceTypes } = loadRegistry()

t.test('a summary has the elements that are marked as such, also inside others', async t => {
  const mask = maskOf(structures, 'Patient', { kind: 'true' })
  t.strictSame(
    Object.keys(mask)
      .filter(name => !name.startsWith('_'))
      .sort(),
    [
      ...['active', 'address', 'birthDate', 'deceasedBoolean', 'deceasedDateTime', 'gender', 'id', 'identifier'],
      ...[
        'implicitRules',
        'link',
        'managingOrganization',
        'meta',
        'modifierExtension',
        'name',
        'resourceType',
        'telecom',
      ],
    ],
  )
  t.equal(mask.name, true)
  const media = maskOf(structures, 'Media', { kind: 'true' })
  const { content } = media
  t.ok(
    typeof content === 'object' && content.contentType === true && content.data === undefined,
    'no data of attachments',
  )
})

t.test('a text alone keeps what is mandatory; data is everything but the text', async t => {
  const text = maskOf(structures, 'Observation', { kind: 'text' })
  t.strictSame(Object.keys(text), [
    ...[
      'resourceType',
      'id',
      '_id',
      'meta',
      'implicitRules',
      '_implicitRules',
      'text',
      'modifierExtension',
      'status',
      '_status',
    ],
    'code',
  ])
  const data = maskOf(structures, 'Observation', { kind: 'data' })
  t.notOk('text' in data)
  t.ok(['contained', 'extension', 'valueQuantity', 'component'].every(name => data[name] === true))
})

t.test('elements are named as in JSON, and a choice also without its type', async t => {
  const names = (asked: string) => elementNames(structures, 'Patient', asked)
  t.strictSame(names('name'), ['name'])
  t.strictSame(names('birthDate'), ['birthDate', '_birthDate'])
  t.strictSame(names('deceased'), ['deceasedBoolean', '_deceasedBoolean', 'deceasedDateTime', '_deceasedDateTime'])
  t.strictSame(names('deceased[x]'), names('deceased'))
  t.strictSame(names('deceasedDateTime'), ['deceasedDateTime', '_deceasedDateTime'])
  t.strictSame(names('Patient.name'), ['name'])
  for (const none of ['colour', '', 'name.family', 'Observation.code', 'deceasedString'])
    t.equal(names(none), undefined)
})

t.test('every type has its masks', async t => {
  for (const type of resourceTypes)
    for (const kind of ['true', 'text', 'data'] as const)
      t.match(maskOf(structures, type, { kind }), { resourceType: true, id: true, meta: true }, `${type} ${kind}`)
})
