import t from 'tap'
import { FhirError } from '../../../src/fhir/error.ts'
import { parseJson } from '../../../src/fhir/json.ts'
import { parseFhirpathPatch } from '../../../src/fhir/patch/fhirpath-patch.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'

const { structures } = loadRegistry()

type Parts = Readonly<Record<string, unknown>>
/** `value` is the part itself, without its name. */
const operation = ({ value, ...parts }: Parts) => ({
  name: 'operation',
  part: [
    ...Object.entries(parts).map(([name, part]) => {
      const key = name === 'type' ? 'valueCode' : typeof part === 'number' ? 'valueInteger' : 'valueString'
      return { name, [key]: part }
    }),
    ...(value === undefined ? [] : [{ name: 'value', ...(value as object) }]),
  ],
})
const patched = (resource: object, ...operations: readonly Parts[]) =>
  parseFhirpathPatch(structures, { resourceType: 'Parameters', parameter: operations.map(operation) })(resource)
const refused = (run: () => unknown) => {
  try {
    run()
  } catch (error) {
    if (error instanceof FhirError) return [error.status, error.message, error.issues[0].expression]
    throw error
  }
  return undefined
}
const patient = (more: object = {}) => ({ resourceType: 'Patient', ...more })

t.test('id and extensions of a primitive are added, replaced and removed beside it', async t => {
  const extension = (value: string) => ({ url: 'http://e.example/a', valueString: value })
  const born = (...values: readonly string[]) =>
    patient({ birthDate: '1970-01-01', ...(values.length > 0 && { _birthDate: { extension: values.map(extension) } }) })
  const given = (...beside: readonly unknown[]) =>
    patient({ name: [{ given: ['x', 'y'], ...(beside.length > 0 && { _given: beside }) }] })
  const named = (value: string) => ({ extension: [extension(value)] })
  const add = { type: 'add', name: 'extension', value: { valueExtension: extension('new') } }
  const rows: readonly (readonly [string, object, Parts, object])[] = [
    [
      'the only one',
      born('old'),
      { type: 'delete', path: "Patient.birthDate.extension.where(url = 'http://e.example/a')" },
      born(),
    ],
    ['one of two', born('a', 'b'), { type: 'delete', path: 'Patient.birthDate.extension[0]' }, born('b')],
    ['a first one', born(), { ...add, path: 'Patient.birthDate' }, born('new')],
    ['one more', born('a'), { ...add, path: 'Patient.birthDate' }, born('a', 'new')],
    [
      'its value',
      born('old'),
      {
        type: 'replace',
        path: "Patient.birthDate.extension('http://e.example/a').value",
        value: { valueString: 'new' },
      },
      born('new'),
    ],
    ['of one of a list', given(), { ...add, path: 'Patient.name[0].given[1]' }, given(null, named('new'))],
    [
      'beside another of a list',
      given(named('a')),
      { ...add, path: 'Patient.name[0].given[1]' },
      given(named('a'), named('new')),
    ],
    [
      'away from a list',
      given(null, named('a')),
      { type: 'delete', path: 'Patient.name[0].given[1].extension[0]' },
      given(),
    ],
    [
      'of a primitive without a value',
      patient({ _birthDate: named('a') }),
      { type: 'delete', path: 'Patient.birthDate.extension[0]' },
      patient(),
    ],
    [
      'an id',
      patient({ birthDate: '1970-01-01' }),
      { type: 'add', path: 'Patient.birthDate', name: 'id', value: { valueString: 'b1' } },
      patient({ birthDate: '1970-01-01', _birthDate: { id: 'b1' } }),
    ],
  ]
  for (const [what, before, change, after] of rows) t.strictSame(patched(before, change), after, what)
})

t.test('each operation does what the specification says', async t => {
  const named = patient({ name: [{ family: 'A', given: ['x', 'y', 'z'] }, { family: 'B' }] })
  const rows: readonly (readonly [string, object, Parts, object])[] = [
    [
      'a new element',
      patient(),
      { type: 'add', path: 'Patient', name: 'birthDate', value: { valueDate: '2000-01-01' } },
      patient({ birthDate: '2000-01-01' }),
    ],
    [
      'appended to a list',
      patient({ name: [{ family: 'A' }] }),
      { type: 'add', path: 'Patient', name: 'name', value: { valueHumanName: { family: 'B' } } },
      patient({ name: [{ family: 'A' }, { family: 'B' }] }),
    ],
    [
      'a choice',
      patient(),
      { type: 'add', path: 'Patient', name: 'deceased', value: { valueBoolean: true } },
      patient({ deceasedBoolean: true }),
    ],
    [
      'an anonymous type, by its parts',
      patient(),
      {
        type: 'add',
        path: 'Patient',
        name: 'contact',
        value: {
          part: [
            { name: 'name', valueHumanName: { family: 'C' } },
            { name: 'relationship', valueCodeableConcept: { text: 'aunt' } },
          ],
        },
      },
      patient({ contact: [{ name: { family: 'C' }, relationship: [{ text: 'aunt' }] }] }),
    ],
    [
      'into a list',
      named,
      { type: 'insert', path: "Patient.name.where(family = 'A').given", index: 1, value: { valueString: 'n' } },
      patient({ name: [{ family: 'A', given: ['x', 'n', 'y', 'z'] }, { family: 'B' }] }),
    ],
    [
      'one of a list',
      named,
      { type: 'delete', path: 'Patient.name[0].given[1]' },
      patient({ name: [{ family: 'A', given: ['x', 'z'] }, { family: 'B' }] }),
    ],
    ['the last of a list', patient({ name: [{ family: 'A' }] }), { type: 'delete', path: 'Patient.name' }, patient()],
    ['what is not there', named, { type: 'delete', path: 'Patient.birthDate' }, named],
    [
      'a value',
      named,
      { type: 'replace', path: "Patient.name.where(family = 'B').family", value: { valueString: 'D' } },
      patient({ name: [{ family: 'A', given: ['x', 'y', 'z'] }, { family: 'D' }] }),
    ],
    [
      'a choice by another',
      patient({ deceasedBoolean: true }),
      { type: 'replace', path: 'Patient.deceased', value: { valueDateTime: '2020' } },
      patient({ deceasedDateTime: '2020' }),
    ],
    [
      'within a list',
      named,
      { type: 'move', path: 'Patient.name[0].given', source: 2, destination: 0 },
      patient({ name: [{ family: 'A', given: ['z', 'x', 'y'] }, { family: 'B' }] }),
    ],
    [
      'an extension',
      patient({ extension: [{ url: 'u', valueString: 'x' }] }),
      { type: 'replace', path: "Patient.extension('u').value", value: { valueInteger: 5 } },
      patient({ extension: [{ url: 'u', valueInteger: 5 }] }),
    ],
    [
      'inside a contained resource',
      patient({ contained: [{ resourceType: 'Organization', name: 'x' }] }),
      { type: 'replace', path: 'Patient.contained[0].name', value: { valueString: 'y' } },
      patient({ contained: [{ resourceType: 'Organization', name: 'y' }] }),
    ],
  ]
  for (const [name, resource, parts, expected] of rows) {
    const before = JSON.stringify(resource)
    t.strictSame(patched(resource, parts), expected, `${parts.type}: ${name}`)
    t.equal(JSON.stringify(resource), before)
  }
})

t.test('decimals keep their text', async t => {
  const observation = parseJson(
    '{"resourceType":"Observation","valueQuantity":{"value":1.10},"component":[{"valueQuantity":{"value":2.50}}]}',
  )
  const body = parseJson(
    '{"parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},' +
      '{"name":"path","valueString":"Observation.component[0].value.value"},{"name":"value","valueDecimal":3.00}]}]}',
  ) as Record<string, unknown>
  t.equal(
    JSON.stringify(parseFhirpathPatch(structures, body)(observation)),
    '{"resourceType":"Observation","valueQuantity":{"value":1.10},"component":[{"valueQuantity":{"value":3.00}}]}',
  )
})

t.test('id and extensions of a primitive move with it', async t => {
  const given = patient({ name: [{ given: ['x', 'y'], _given: [null, { id: 'second' }] }] })
  t.strictSame(
    patched(given, { type: 'delete', path: 'Patient.name[0].given[0]' }),
    patient({ name: [{ given: ['y'], _given: [{ id: 'second' }] }] }),
  )
  t.strictSame(
    patched(given, { type: 'insert', path: 'Patient.name[0].given', index: 0, value: { valueString: 'n' } }),
    patient({ name: [{ given: ['n', 'x', 'y'], _given: [null, null, { id: 'second' }] }] }),
  )
  t.strictSame(
    patched(given, { type: 'move', path: 'Patient.name[0].given', source: 1, destination: 0 }),
    patient({ name: [{ given: ['y', 'x'], _given: [{ id: 'second' }, null] }] }),
  )
  t.strictSame(
    patched(patient(), {
      type: 'add',
      path: 'Patient',
      name: 'gender',
      value: { valueCode: 'male', _valueCode: { id: 'g' } },
    }),
    patient({ gender: 'male', _gender: { id: 'g' } }),
  )
})

t.test('what is inserted first makes the list, since FHIR leaves out empty ones', async t => {
  const phone = { valueContactPoint: { system: 'phone', value: '1' } }
  const given = patient({ contact: [{ gender: 'male' }, { gender: 'female' }] })
  for (const path of ['Patient.telecom', 'telecom'])
    t.strictSame(patched(given, { type: 'insert', path, index: 0, value: phone }), {
      ...given,
      telecom: [phone.valueContactPoint],
    })
  t.strictSame(
    patched(given, {
      type: 'insert',
      path: "Patient.contact.where(gender = 'female').telecom",
      index: 0,
      value: { part: [{ name: 'value', valueString: '2' }] },
    }),
    patient({ contact: [{ gender: 'male' }, { gender: 'female', telecom: [{ value: '2' }] }] }),
  )
})

t.test('an operation that cannot be carried out is named', async t => {
  const resource = patient({ name: [{ family: 'A' }, { family: 'B' }], birthDate: '2000' })
  const birth = { type: 'add', path: 'Patient', name: 'birthDate', value: { valueDate: '2001' } }
  const rows: readonly (readonly [Parts, string])[] = [
    [birth, 'there is a birthDate already: replace it'],
    [{ ...birth, name: 'weight' }, 'Patient has no element weight'],
    [{ type: 'add', path: 'Patient', value: { valueDate: '2001' } }, 'it has no name'],
    [{ ...birth, name: 3 }, 'its name is that of an element, as a valueString'],
    [{ type: 'replace', path: 'Patient.name', value: { valueString: 'x' } }, 'it means 2 elements; name one'],
    [{ type: 'delete', path: 'Patient.name' }, 'it means 2 elements; name one'],
    [{ type: 'replace', path: 'Patient.gender', value: { valueCode: 'male' } }, 'there is no such element'],
    [
      { type: 'insert', path: 'Patient.name', index: 3, value: { valueHumanName: {} } },
      'its index is a valueInteger from 0 to 2',
    ],
    [{ type: 'insert', path: 'Patient.birthDate', index: 0, value: { valueDate: '2001' } }, 'it means no list'],
    [{ type: 'insert', path: 'Patient.gender', index: 0, value: { valueCode: 'male' } }, 'it means no list'],
    [{ type: 'insert', path: 'Patient.weight', index: 0, value: { valueCode: 'x' } }, 'it means no list'],
    [
      { type: 'insert', path: 'Patient.link', index: 1, value: { part: [] } },
      'its index is a valueInteger from 0 to 0',
    ],
    [
      { type: 'insert', path: 'Patient.contact.telecom', index: 0, value: { valueContactPoint: {} } },
      'there is no such element',
    ],
    [{ type: 'move', path: 'Patient.link', source: 0, destination: 0 }, 'there is no such list'],
    [
      { type: 'move', path: 'Patient.name', source: 0, destination: 2 },
      'its destination is a valueInteger from 0 to 1',
    ],
    [{ type: 'delete', path: 'Patient' }, 'the resource itself stays'],
    [{ type: 'replace', path: 'Patient.birthDate' }, 'it has no value'],
    [{ type: 'delete', path: 'Patient.name.count()' }, 'it computes a value, and names no element'],
    [{ type: 'delete', path: 'Patient..birthDate' }, 'its path is no FHIRPath'],
    [{ type: 'delete', path: '(Patient.birthDate' }, "line: 1; column: 18; message: missing ')' at '<EOF>'"],
    [{ type: 'delete', path: 'Patient.birthDate =' }, "line: 1; column: 19; message: mismatched input '<EOF>'"],
  ]
  for (const [parts, reason] of rows)
    t.strictSame(
      refused(() => patched(resource, { type: 'delete', path: 'Patient.photo' }, parts)),
      [422, `Operation 1 of the patch (${parts.type} ${parts.path}): ${reason}`, 'Parameters.parameter[1]'],
    )
})

t.test('no part of an operation is passed over', async t => {
  const part = [
    { name: 'type', valueCode: 'replace' },
    { name: 'path', valueString: 'Patient.gender' },
    { name: 'value', valueCode: 'male' },
  ]
  const rows: readonly (readonly [object | string, string])[] = [
    [{ name: 'path', valueString: 'Patient.birthDate' }, 'it has more than one path'],
    [{ name: 'value', valueCode: 'female' }, 'it has more than one value'],
    [{ name: 'vlaue', valueCode: 'x' }, 'its parts are type, path, name, value, index, source, destination'],
    ['x', 'its parts are type, path, name, value, index, source, destination'],
    [{ name: 'index', valueInteger: 1, valueString: '2' }, 'its index is one value, not valueInteger and valueString'],
    [{ name: 'index', valueInteger: 1 }, 'the parts of replace are type, path, value'],
    [{ name: 'name', valueString: 'gender' }, 'the parts of replace are type, path, value'],
  ]
  for (const [more, reason] of rows) {
    const parameter = [{ name: 'operation', part: [...part, more] }]
    t.strictSame(
      refused(() => parseFhirpathPatch(structures, { resourceType: 'Parameters', parameter })),
      [400, `Operation 0 of the patch: ${reason}`, 'Parameters.parameter[0].part[3]'],
    )
  }
})

t.test('a part that an operation does not take is refused, as it was meant for another', async t => {
  const rows: readonly (readonly [string, object, string])[] = [
    ['add', { name: 'index', valueInteger: 0 }, 'type, path, name, value'],
    ['insert', { name: 'name', valueString: 'given' }, 'type, path, value, index'],
    ['delete', { name: 'value', valueString: 'Ann' }, 'type, path'],
    ['move', { name: 'value', valueString: 'Ann' }, 'type, path, source, destination'],
  ]
  for (const [type, more, taken] of rows) {
    const path = { name: 'path', valueString: 'Patient.name.given' }
    const parameter = [{ name: 'operation', part: [more, { name: 'type', valueCode: type }, path] }]
    t.strictSame(
      refused(() => parseFhirpathPatch(structures, { resourceType: 'Parameters', parameter })),
      [400, `Operation 0 of the patch: the parts of ${type} are ${taken}`, 'Parameters.parameter[0].part[0]'],
    )
  }
})

t.test('a patch without operations changes nothing', async t => {
  t.strictSame(
    parseFhirpathPatch(structures, { resourceType: 'Parameters' })(patient({ active: true })),
    patient({ active: true }),
  )
  t.strictSame(patched(patient({ active: true })), patient({ active: true }))
})

t.test('an invalid patch is refused before anything is done', async t => {
  const parse = (parameter: unknown) => refused(() => parseFhirpathPatch(structures, { parameter }))
  t.match(parse({}), [400, /has a list of operations/, 'Parameters.parameter'])
  t.match(
    refused(() => parseFhirpathPatch(structures, { parameters: [] })),
    [400, 'Parameters have no parameters', 'Parameters.parameters'],
  )
  t.match(parse([{ name: 'other' }]), [400, /is an operation with parts/, 'Parameters.parameter[0]'])
  t.match(parse([operation({ type: 'change', path: 'Patient' })]), [400, /add, insert, delete, replace, move/])
  for (const path of [
    'Patient.repeat(contact)',
    "Patient.name.where(family.matches('(a+)+$'))",
    'Patient.trace(1)',
    'x'.repeat(1001),
  ])
    t.match(parse([operation({ type: 'delete', path })]), [400, /its path is a FHIRPath/], path)
})

t.test('a patch cannot cause endless work', async t => {
  const remove = { type: 'delete', path: 'Patient.active' }
  const tooMany = Array<Parts>(1001).fill(remove)
  t.strictSame(
    refused(() => patched(patient(), ...tooMany)),
    [400, 'A patch has 1000 operations at most', undefined],
  )
  t.strictSame(patched(patient({ active: true }), ...tooMany.slice(1)), patient())
  const wide = patient({
    name: Array.from({ length: 2000 }, (_, index) => ({ family: `x${index}`, given: ['a', 'b'] })),
  })
  const last = { type: 'delete', path: "Patient.name.where(family = 'x1999')" }
  t.equal((patched(wide, last) as { readonly name: readonly unknown[] }).name.length, 1999)
  t.strictSame(refused(() => patched(wide, ...Array<Parts>(30).fill(last)))?.slice(0, 1), [400])
  const long = patient({ name: [{ text: 'x'.repeat(2_000_000) }] })
  t.strictSame(
    refused(() => patched(long, { type: 'delete', path: `Patient.name.where(${'text&'.repeat(150)}'')` })),
    [
      400,
      'The resource is too large for so many operations: send fewer, by shorter paths, or the whole resource',
      undefined,
    ],
  )
})
