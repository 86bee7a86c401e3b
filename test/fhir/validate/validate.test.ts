import fc from 'fast-check'
import { SaxesParser } from 'saxes'
import t from 'tap'
import { parseJson } from '../../../src/fhir/json.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { isError, validate } from '../../../src/fhir/validate/validate.ts'

const registry = loadRegistry()

const observation = {
  resourceType: 'Observation',
  status: 'final',
  category: [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
  ],
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4', display: 'Heart rate' }] },
  subject: { reference: 'Patient/1' },
  effectiveDateTime: '2026-01-01T10:00:00+01:00',
  valueQuantity: { value: 60, unit: 'beats/min', system: 'http://unitsofmeasure.org', code: '/min' },
}

const patient = { resourceType: 'Patient', name: [{ given: ['Ann', 'Bea'], family: 'Lee' }], birthDate: '1970-03' }

const div = (content: string) => ({
  status: 'generated',
  div: `<div xmlns="http://www.w3.org/1999/xhtml">${content}</div>`,
})

type Case = readonly [
  name: string,
  resource: unknown,
  ...issues: readonly (readonly [code: string, expression: string])[],
]

const cases: readonly Case[] = [
  ['an Observation', observation],
  ['a Patient', patient],
  ['no resource', null, ['structure', '']],
  ['an array', [], ['structure', '']],
  ['no resourceType', {}, ['structure', 'resourceType']],
  ['a type of nobody', { resourceType: 'Nothing' }, ['structure', 'resourceType']],
  ['a type that is abstract', { resourceType: 'DomainResource' }, ['structure', 'resourceType']],
  ['a type of a later edition', { resourceType: 'SubscriptionStatus' }, ['structure', 'resourceType']],

  ['an unknown element', { ...patient, nickname: 'A' }, ['structure', 'Patient.nickname']],
  ['an unknown element below', { ...patient, name: [{ first: 'A' }] }, ['structure', 'Patient.name[0].first']],
  ['a choice without its type', { ...observation, value: 1 }, ['structure', 'Observation.value']],
  ['a choice of another type', { ...observation, effectiveString: 'x' }, ['structure', 'Observation.effectiveString']],
  ['two choices', { ...observation, valueString: 'x' }, ['structure', 'Observation.value']],
  [
    'a choice and its own extension',
    {
      ...patient,
      deceasedBoolean: true,
      _deceasedBoolean: { id: 'a', extension: [{ url: 'http://a.b', valueCode: 'x' }] },
    },
  ],
  [
    'two choices, one of them an extension',
    { ...patient, deceasedBoolean: true, _deceasedDateTime: { extension: [{ url: 'http://a.b', valueCode: 'x' }] } },
    ['structure', 'Patient.deceased'],
  ],
  [
    'all issues at once',
    { resourceType: 'Observation', status: 'done', unheard: 1 },
    ['code-invalid', 'Observation.status'],
    ['structure', 'Observation.unheard'],
    ['required', 'Observation.code'],
  ],

  ['an object for an array', { ...patient, name: { family: 'Lee' } }, ['structure', 'Patient.name']],
  ['an array for an object', { ...observation, code: [observation.code] }, ['structure', 'Observation.code']],
  ['an array for a primitive', { ...observation, status: ['final'] }, ['structure', 'Observation.status']],
  ['text for an object', { ...observation, subject: 'Patient/1' }, ['structure', 'Observation.subject']],
  ['null for an element', { ...patient, birthDate: null }, ['structure', 'Patient.birthDate']],
  ['null in an array of objects', { ...patient, name: [null] }, ['structure', 'Patient.name[0]']],
  [
    'null in an array of primitives',
    { ...patient, name: [{ given: ['Ann', null] }] },
    ['structure', 'Patient.name[0].given[1]'],
  ],
  [
    'null beside an extension',
    {
      ...patient,
      name: [{ given: ['Ann', null], _given: [null, { extension: [{ url: 'http://a.b', valueCode: 'x' }] }] }],
    },
  ],
  [
    'null on both sides',
    { ...patient, name: [{ given: ['Ann', null], _given: [null, null] }] },
    ['structure', 'Patient.name[0].given[1]'],
    ['structure', 'Patient.name[0].given[1]'],
  ],
  [
    'an extension in place of a value',
    { ...patient, birthDate: undefined, _birthDate: { extension: [{ url: 'http://a.b', valueCode: 'x' }] } },
  ],
  [
    'an extension in place of a required value',
    { ...observation, status: undefined, _status: { extension: [{ url: 'http://a.b', valueCode: 'x' }] } },
  ],
  [
    'a broken extension of a primitive',
    { ...patient, _birthDate: { extension: [{ valueCode: 'x' }] } },
    ['required', 'Patient.birthDate.extension[0].url'],
  ],
  ['an id of a primitive with a value', { ...patient, birthDate: '1970-03-30', _birthDate: { id: 'a' } }],
  [
    'ids of some of the values of a primitive that repeats',
    { ...patient, name: [{ given: ['Ann', 'Lee', 'Mae'], _given: [{ id: 'a' }, null, { id: 'b' }] }] },
  ],
  [
    'an id of a primitive without a value',
    { ...patient, birthDate: undefined, _birthDate: { id: 'a' } },
    ['invariant', 'Patient.birthDate'],
  ],
  [
    'an id in the place of a value of a primitive that repeats',
    { ...patient, name: [{ given: ['Ann', null], _given: [null, { id: 'b' }] }] },
    ['invariant', 'Patient.name[0].given[1]'],
  ],
  [
    'nothing beside a value',
    { ...patient, birthDate: '1970-03-30', _birthDate: {} },
    ['invariant', 'Patient.birthDate'],
  ],
  ['an extension of what is no primitive', { ...patient, _name: [{ id: 'a' }] }, ['structure', 'Patient._name']],
  ['an empty array', { ...patient, name: [] }, ['structure', 'Patient.name']],
  ['an empty object', { ...patient, name: [{}] }, ['invariant', 'Patient.name[0]']],
  ['an object with nothing but an id', { ...patient, name: [{ id: 'a' }] }, ['invariant', 'Patient.name[0]']],
  ['empty text', { ...patient, name: [{ family: '' }] }, ['value', 'Patient.name[0].family']],
  [
    'a required element of a part',
    { ...patient, link: [{ other: { reference: 'Patient/2' } }] },
    ['required', 'Patient.link[0].type'],
  ],
  [
    'too few of a repeating element',
    { resourceType: 'Linkage', item: [{ type: 'source', resource: { reference: 'Patient/1' } }] },
    ['invariant', 'Linkage'],
  ],

  ['a date that is none', { ...patient, birthDate: '1970-13' }, ['value', 'Patient.birthDate']],
  ['the 30th of February', { ...patient, birthDate: '1970-02-30' }, ['value', 'Patient.birthDate']],
  ['the 29th of February of a leap year', { ...patient, birthDate: '2024-02-29' }],
  ['the 29th of February of another year', { ...patient, birthDate: '2023-02-29' }, ['value', 'Patient.birthDate']],
  [
    'a time without a zone',
    { ...observation, effectiveDateTime: '2026-01-01T10:00:00' },
    ['value', 'Observation.effective'],
  ],
  ['an instant with only a date', { ...observation, issued: '2026-01-01' }, ['value', 'Observation.issued']],
  ['text for a boolean', { ...patient, active: 'true' }, ['value', 'Patient.active']],
  ['text for a decimal', { ...observation, valueQuantity: { value: '60' } }, ['value', 'Observation.value.value']],
  [
    'a fraction for an integer',
    { ...observation, valueQuantity: undefined, valueInteger: 1.5 },
    ['value', 'Observation.value'],
  ],
  [
    'an integer beyond 32 bits',
    { ...observation, valueQuantity: undefined, valueInteger: 2147483648 },
    ['value', 'Observation.value'],
  ],
  [
    'nothing where one is the least',
    { ...patient, telecom: [{ system: 'phone', value: '1', rank: 0 }] },
    ['value', 'Patient.telecom[0].rank'],
  ],
  ['a URI with a space', { ...patient, implicitRules: 'http://a b' }, ['value', 'Patient.implicitRules']],
  ['an id that is too long', { ...patient, id: 'a'.repeat(65) }, ['value', 'Patient.id']],
  ['an id of an element, which is text', { ...patient, name: [{ id: 'a/b', family: 'Lee' }] }],
  ['an id with a slash', { ...patient, id: 'a/b' }, ['value', 'Patient.id']],
  ['a NUL', { ...patient, name: [{ family: 'a\u0000' }] }, ['value', 'Patient.name[0].family']],
  ['half a surrogate pair', { ...patient, name: [{ family: 'a\ud800' }] }, ['value', 'Patient.name[0].family']],
  ['a whole one', { ...patient, name: [{ family: '😀' }] }],
  ['wrapped base64', { ...patient, photo: [{ contentType: 'image/png', data: 'AAAA\r\nAAAA\r\nAA==' }] }],
  [
    'base64 of the wrong length',
    { ...patient, photo: [{ contentType: 'image/png', data: 'AAAAA' }] },
    ['value', 'Patient.photo[0].data'],
  ],
  [
    'a UUID in upper case',
    {
      resourceType: 'Parameters',
      parameter: [{ name: 'a', valueUuid: 'urn:uuid:C757873D-EC9A-4326-A141-556F43239520' }],
    },
    ['value', 'Parameters.parameter[0].value'],
  ],

  ['a code that is not bound', { ...patient, gender: 'm' }, ['code-invalid', 'Patient.gender']],
  ['a code in another case', { ...patient, gender: 'Male' }, ['code-invalid', 'Patient.gender']],
  [
    'a bound concept of another system',
    {
      resourceType: 'Condition',
      subject: { reference: 'Patient/1' },
      clinicalStatus: { coding: [{ system: 'http://other', code: 'active' }] },
    },
    ['code-invalid', 'Condition.clinicalStatus'],
  ],
  [
    'a bound concept with a translation',
    {
      resourceType: 'Condition',
      subject: { reference: 'Patient/1' },
      clinicalStatus: {
        coding: [
          { system: 'http://other', code: 'x' },
          { system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'active' },
        ],
      },
    },
  ],
  [
    'a MIME type, which cannot be enumerated',
    { ...patient, photo: [{ contentType: 'image/unheard-of', url: 'http://a.b' }] },
  ],

  [
    'a reference to a type that is not allowed',
    { ...observation, subject: { reference: 'Practitioner/1' } },
    ['warning value', 'Observation.subject.reference'],
  ],
  ['a reference elsewhere', { ...observation, subject: { reference: 'http://elsewhere/Practitioner/1' } }],
  ...['Patient/', 'Patient/ö', 'Patient/1/', 'Patient/1/_history/', `Patient/${'a'.repeat(65)}`].map(
    (reference): Case => [
      `a relative reference without an id: ${reference}`,
      { ...observation, subject: { reference } },
      ['value', 'Observation.subject.reference'],
    ],
  ),
  ...[
    'Patient',
    '/Patient/1',
    'patient/1',
    'Nothing/1',
    '1',
    '../Patient/1',
    'example.org/Patient/1',
    'Nothing?x=y',
  ].map(
    (reference): Case => [
      `a reference that names nothing: ${reference}`,
      { ...observation, subject: { reference } },
      ['value', 'Observation.subject.reference'],
    ],
  ),
  [
    'references with an id, of a version, conditional, absolute and contained',
    {
      ...observation,
      contained: [{ resourceType: 'Patient', id: 'p' }],
      subject: { reference: '#p' },
      focus: [
        'Patient/1',
        'Patient/1/_history/2',
        'Patient?identifier=1',
        'https://elsewhere.org/Patient/',
        'https://elsewhere.org/Nothing/1',
        'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0',
        'urn:oid:1.2.3',
      ].map(reference => ({ reference })),
    },
  ],
  [
    'a reference with a space',
    { ...observation, subject: { reference: 'Patient/a b' } },
    ['value', 'Observation.subject.reference'],
  ],
  ['a contained resource', { ...observation, subject: { reference: '#p' }, contained: [{ ...patient, id: 'p' }] }],
  [
    'a broken contained resource',
    { ...observation, subject: { reference: '#p' }, contained: [{ resourceType: 'Patient', id: 'p', gender: 'm' }] },
    ['code-invalid', 'Observation.contained[0].gender'],
  ],
  [
    'a reference to nothing contained',
    { ...observation, subject: { reference: '#q' } },
    ['invariant', 'Observation.subject.reference'],
  ],
  [
    'a contained resource that nothing refers to',
    { ...observation, contained: [{ ...patient, id: 'p' }] },
    ['invariant', 'Observation.contained[0]'],
  ],
  [
    'a contained resource that refers to its container',
    {
      ...patient,
      contained: [
        {
          resourceType: 'Provenance',
          id: 'p',
          target: [{ reference: '#' }],
          recorded: '2026-01-01T00:00:00Z',
          agent: [{ who: { display: 'A' } }],
        },
      ],
    },
  ],
  [
    'a contained resource with others',
    {
      ...observation,
      subject: { reference: '#p' },
      contained: [{ ...patient, id: 'p', contained: [{ ...patient, id: 'q' }] }],
    },
    ['invariant', 'Observation.contained[0].contained'],
  ],
  [
    'a contained resource with a version',
    { ...observation, subject: { reference: '#p' }, contained: [{ ...patient, id: 'p', meta: { versionId: '1' } }] },
    ['invariant', 'Observation.contained[0].meta'],
  ],
  [
    'a contained resource of a Bundle entry',
    {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [
        { resource: { ...observation, subject: { reference: '#p' }, contained: [{ ...patient, id: 'p' }] } },
        { resource: { ...observation, subject: { reference: '#p' } } },
      ],
    },
    ['invariant', 'Bundle.entry[1].resource.subject.reference'],
  ],

  ['a value and why there is none', { ...observation, dataAbsentReason: { text: 'x' } }, ['invariant', 'Observation']],
  [
    'a component with the code of the whole',
    { ...observation, component: [{ code: observation.code, valueString: 'x' }] },
    ['invariant', 'Observation'],
  ],
  [
    'a Period the wrong way round',
    { ...observation, effectiveDateTime: undefined, effectivePeriod: { start: '2026-02', end: '2026-01' } },
    ['invariant', 'Observation.effective'],
  ],
  [
    'a Period within a day',
    {
      ...observation,
      effectiveDateTime: undefined,
      effectivePeriod: { start: '2026-01-01T10:00:00Z', end: '2026-01-01' },
    },
  ],
  [
    'a unit without its system',
    { ...observation, valueQuantity: { value: 1, code: 'mg' } },
    ['invariant', 'Observation.value'],
  ],
  [
    'a comparator where only a simple Quantity may stand',
    { ...observation, referenceRange: [{ low: { value: 1, comparator: '<' } }] },
    ['invariant', 'Observation.referenceRange[0].low'],
  ],
  [
    'an extension with a value and extensions',
    { ...patient, extension: [{ url: 'http://a.b', valueCode: 'x', extension: [{ url: 'c', valueCode: 'y' }] }] },
    ['invariant', 'Patient.extension[0]'],
  ],
  [
    'an extension with neither',
    { ...patient, extension: [{ url: 'http://a.b' }] },
    ['invariant', 'Patient.extension[0]'],
  ],
  [
    'a rule left to fhirpath.js',
    { resourceType: 'Appointment', status: 'booked', participant: [{ status: 'accepted' }] },
    ['invariant', 'Appointment.participant[0]'],
    ['invariant', 'Appointment'],
  ],

  ['a narrative', { ...patient, text: div('<p style="color: red">a &lt; b<br/><a href="http://a.b">c</a></p>') }],
  ['a narrative with a script', { ...patient, text: div('<script>1</script>') }, ['invariant', 'Patient.text.div']],
  [
    'a narrative with a handler',
    { ...patient, text: div('<p onclick="x()">a</p>') },
    ['invariant', 'Patient.text.div'],
  ],
  [
    'a narrative with a script for an address',
    { ...patient, text: div('<a href="javascript:x()">a</a>') },
    ['invariant', 'Patient.text.div'],
  ],
  ['a narrative that is not balanced', { ...patient, text: div('<p>a') }, ['invariant', 'Patient.text.div']],
  ['a narrative with a bare <', { ...patient, text: div('a < b') }, ['invariant', 'Patient.text.div']],
  [
    'a narrative with two roots',
    { ...patient, text: { status: 'generated', div: '<div>a</div><div>b</div>' } },
    ['invariant', 'Patient.text.div'],
  ],
  ['an empty narrative', { ...patient, text: div(' ') }, ['invariant', 'Patient.text.div']],
  [
    'a narrative with a large picture',
    { ...patient, text: div(`<img src="data:image/png;base64,${'A'.repeat(20e6)}"/>`) },
  ],
  ['a narrative with a long comment', { ...patient, text: div(`a<!-- ${'- '.repeat(5e6)}-->`) }],
  [
    'a narrative with a comment in a comment',
    { ...patient, text: div('a<!-- -- -->') },
    ['invariant', 'Patient.text.div'],
  ],
  [
    'a type that is another than that of the reference',
    { ...observation, subject: { reference: 'Patient/1', type: 'Organization' } },
    ['value', 'Observation.subject.type'],
  ],
  [
    'the same by an absolute URL of a version',
    { ...observation, subject: { reference: 'https://a.b/fhir/Patient/1/_history/2', type: 'Device' } },
    ['value', 'Observation.subject.type'],
  ],
  ['a type that is the same', { ...observation, subject: { reference: 'Patient/1', type: 'Patient' } }],
  [
    'a type by its URL',
    { ...observation, subject: { reference: 'Patient/1', type: 'http://hl7.org/fhir/StructureDefinition/Patient' } },
  ],
  [
    'a type of what a URL does not tell',
    { ...observation, subject: { reference: 'urn:uuid:c757873d-ec9a-4326-a141-556f43239520', type: 'Patient' } },
  ],
  [
    'contained resources with one id',
    {
      ...observation,
      contained: ['a', 'b'].map(name => ({ resourceType: 'Organization', id: 'o', name })),
      performer: [{ reference: '#o' }],
    },
    ['value', 'Observation.contained[1].id'],
  ],
  [
    'elements with one id',
    {
      ...patient,
      name: [{ id: 'a', family: 'x' }],
      address: [
        { id: 'b', city: 'x' },
        { id: 'a', city: 'y' },
      ],
      birthDate: '1970',
      _birthDate: { id: 'b' },
    },
    ['value', 'Patient.address[1].id'],
    ['value', 'Patient.birthDate.id'],
  ],
  [
    'elements of different resources with one id',
    {
      ...observation,
      contained: [
        { resourceType: 'Organization', id: 'o', name: 'x', telecom: [{ id: 'a', system: 'phone', value: '1' }] },
      ],
      performer: [{ id: 'a', reference: '#o' }],
    },
  ],
  ['a text of the greatest length', { ...patient, name: [{ text: 'a'.repeat(1_048_576) }] }],
  ['a longer one', { ...patient, name: [{ text: 'a'.repeat(1_048_577) }] }, ['value', 'Patient.name[0].text']],
  ['data that is longer', { ...patient, photo: [{ contentType: 'image/png', data: 'A'.repeat(2_000_000) }] }],
  [
    'fullUrls that are relative, and no UUID',
    {
      resourceType: 'Bundle',
      type: 'collection',
      entry: ['Patient/1', 'urn:uuid:1', 'urn:uuid:C757873D-EC9A-4326-A141-556F43239520', 'https://a.b/Patient/2'].map(
        fullUrl => ({ fullUrl, resource: patient }),
      ),
    },
    ['value', 'Bundle.entry[0].fullUrl'],
    ['value', 'Bundle.entry[1].fullUrl'],
  ],
  ['a narrative of many levels', { ...patient, text: div(`${'<b>'.repeat(199)}a${'</b>'.repeat(199)}`) }],
  [
    'a narrative of more levels than anybody needs',
    { ...patient, text: div(`${'<b>'.repeat(200)}a${'</b>'.repeat(200)}`) },
    ['structure', 'Patient.text.div'],
  ],
]

t.test('everything that may be wrong is reported, with its place', async t => {
  for (const [name, resource, ...expected] of cases) {
    const plain = resource === null || Array.isArray(resource) ? resource : JSON.parse(JSON.stringify(resource))
    const issues = validate(registry, plain).map(issue => [
      issue.severity === undefined ? issue.code : `${issue.severity} ${issue.code}`,
      issue.expression,
    ])
    t.same(issues, expected, name)
  }
})

t.test('the message for a narrative that nests too deeply says how deep it may', async t => {
  const [issue] = validate(registry, { ...patient, text: div('<b>'.repeat(5000)) })
  t.equal(issue?.message, 'the tags of a narrative nest at most 200 levels deep')
})

t.test('the message for an invalid narrative says what is wrong with it', async t => {
  const rows = [
    ['<p>a</p>', /it begins with <div and ends with <\/div>$/],
    ['<div>a', /<div> is never closed$/],
    ['<div>a</div><div>b</div>', /it is one <div>, with all else in it/],
    ['<div><script>1</script></div>', /<script> is no element of it; those are a, abbr, .*, var \(line 1, column 6\)$/],
    [
      '<div><p onclick="x()">a</p></div>',
      /<p> has a script: neither on… nor javascript: is taken \(line 1, column \d+\)$/,
    ],
    ['<div><p>a<br></div>', /<\/div> stands where <br> is open \(line 1, column \d+\)$/],
    ['<div>a</div></div>', /<\/div> stands where nothing is open \(line 1, column \d+\)$/],
    ['<div><div>a</div>', /<div> is never closed$/],
    ['<div>a < b</div>', /a < that begins no tag is written &lt; \(line 1, column \d+\)$/],
    ['<div><p a="<">a</p></div>', /the tag <p has no end \(line 1, column \d+\)$/],
    ['<div>a<!-- -- --></div>', /a comment ends with --> and has no other -- in it \(line 1, column \d+\)$/],
  ] as const
  for (const [text, said] of rows) {
    const [issue, ...others] = validate(registry, { ...patient, text: { status: 'generated', div: text } })
    t.match(issue?.message, /^txt-1: a narrative is basic XHTML: /, text)
    t.match(issue?.message, said, text)
    t.same(others, [], text)
  }
})

const narrativeMessages = (text: string): string[] =>
  validate(registry, { ...patient, text: { status: 'generated', div: text } }).map(({ message }) => message)

t.test(
  'no script can be in an address: entities, tabs and line breaks hide none, and only some schemes are accepted',
  async t => {
    const refused = [
      'href="javascript:x"',
      'href="&#106;avascript:alert(1)"',
      'href="&#x6A;avascript&#58;alert(1)"',
      'href="java&#x0A;script:x"',
      'href="java&#9;script:x"',
      'href="java\nscript:x"',
      'href="&#32;&#9; JavaScript:x"',
      'href="java&#x85;script:x"',
      "href='&#000106;avascript:x'",
      'HREF="javascript:x"',
      'href="vbscript:x"',
      'href="data:text/html,x"',
      'href="d&#97;ta:text/html,x"',
      'href="data:image/png;base64,AA=="',
      'href="livescript:x"',
      'cite="&#106;avascript:x"',
      'src="data:text/html,x"',
      'src="data: text/html,x"',
      'src="&#106;avascript:x"',
      'src="data:&#116;ext/html,x"',
    ]
    for (const attribute of refused) {
      const [message, ...others] = narrativeMessages(`<div><a title="a" ${attribute}>a</a></div>`)
      t.match(
        message,
        /^txt-1: .*(?:nor javascript: is taken|taken are relative ones, http, .*) \(line \d, column 6\)$/,
        attribute,
      )
      t.same(others, [], attribute)
    }
    const accepted = [
      'href="http://a.b/c?d=1&amp;e=2"',
      'href="HTTPS://a.b"',
      'href="mailto:a@b.c"',
      'href="tel:+41"',
      'href="urn:uuid:c757873d-ec9a-4326-a141-556f43239520"',
      'href="Patient/1"',
      'href="#javascript:x"',
      'href="a/b:c"',
      'href=""',
      'src="data:image/png;base64,AA=="',
      'src="data: image/png;base64,AA=="',
      'title="javascript: a language; data: what is measured"',
    ]
    for (const attribute of accepted) t.same(narrativeMessages(`<div><a ${attribute}>a</a></div>`), [], attribute)
  },
)

t.test('a narrative is well-formed XML: the message says what is not, where, and what is accepted', async t => {
  const rows = [
    ['1&nbsp;mg', /&nbsp; stands for nothing in XML: .* as &#160; for &nbsp;.* \(line 1, column 7\)$/],
    ['\na &foo; b', /&foo; stands for nothing in XML/],
    ['\na & b', /: & stands for nothing in XML: & is written &amp;.* \(line 2, column 3\)$/],
    ['a &#0; b', /&#0; stands for nothing/],
    ['a &#xD800; b', /&#xD800; stands for nothing/],
    ['a &#106 b', /&#106 stands for nothing/],
    ['a ]]> b', /]]> is written ]]&gt;/],
    ['<p title=x>a</p>', /<p> has attributes as name="value" alone, each in quotes, not title=x/],
    ['<p hidden>a</p>', /<p> has attributes as name="value" alone, each in quotes, not hidden/],
    ['<p title="a"lang="b">a</p>', /each in quotes, not lang="b"/],
    ['<p title="a" title="b">a</p>', /<p> has title twice/],
    ['<p title="a" TITLE="b">a</p>', /<p> has title twice/],
    ['<p title="a & b">a</p>', /: & stands for nothing/],
    ['<p x:y="a">a</p>', /<p> has x:y, which is no attribute of XHTML/],
    ['<p xmlns="urn:x">a</p>', /xmlns of <p> is http:\/\/www.w3.org\/1999\/xhtml/],
    ['<p>a</p title="x">', /<\/p> has nothing behind its name/],
    ['<br / >', /each in quotes, not \//],
    ['a\uFFFE', /U\+FFFE and U\+FFFF are no characters/],
  ] as const
  for (const [text, said] of rows) {
    const [message, ...others] = narrativeMessages(`<div>${text}</div>`)
    t.match(message, /^txt-1: a narrative is basic XHTML: /, text)
    t.match(message, said, text)
    t.same(others, [], text)
  }
  t.match(narrativeMessages('<div>a</div> b <!-- c -->')[0], /it is one <div>, with all else in it/)
  t.same(
    narrativeMessages(
      '<div xmlns:x="urn:x"><p hidden = "hidden"\n class=\'a "b"\' xml:lang="de">a&#160;&amp; b<br/></p ></div>\n',
    ),
    [],
  )
})

t.test('an accepted narrative is well-formed for an XML parser, whatever it is composed of', async t => {
  const pieces = [
    '<p>',
    '</p>',
    '<br/>',
    '<b',
    '>',
    '/',
    ' ',
    'a',
    '=',
    '"',
    "'",
    '&',
    ';',
    '#',
    '1',
    'x',
    'amp',
    '<!--',
    '-->',
    '-',
    ':',
    'xmlns',
    ']]',
  ]
  let taken = 0
  const anything = fc.array(fc.constantFrom(...pieces), { maxLength: 6 })
  fc.assert(
    fc.property(anything, inner => {
      const div = `<div xmlns="http://www.w3.org/1999/xhtml">a${inner.join('')}</div>`
      if (narrativeMessages(div).length > 0) return
      taken += 1
      new SaxesParser({ xmlns: true }).write(div).close()
    }),
    { numRuns: 20_000 },
  )
  t.ok(taken > 1000, `${taken} were`)
})

t.test('a narrative without content is not one', async t => {
  for (const text of ['', ' \n', '&#160;&#32;', '<p></p>', '<!-- a > b -->', '<br/>'])
    t.same(
      narrativeMessages(`<div>${text}</div>`),
      ['txt-2: there is no text in it, nor an image; a narrative that says nothing is left out'],
      text,
    )
  t.same(narrativeMessages('<div/>').length, 1)
  t.same(narrativeMessages('<div><img src="#a" alt="b"/></div>'), [])
})

t.test('the message for a wrong code names accepted codes', async t => {
  const [issue] = validate(registry, { ...patient, gender: 'm' })
  t.match(issue?.message, /'m' is not in .*administrative-gender.* male, female, other, unknown/)
})

t.test('the message for an unknown element names the elements that exist', async t => {
  const [issue] = validate(registry, { resourceType: 'Binary', contentType: 'text/plain', content: 'x' })
  t.match(issue?.message, /'content' is not an element of Binary; its elements are .*contentType/)
})

t.test('a decimal that keeps its text is a number', async t => {
  const exact = parseJson(JSON.stringify(observation).replace('60', '60.10'))
  t.same(validate(registry, exact), [])
  const text = JSON.stringify({ ...observation, valueQuantity: undefined, valueInteger: 1 })
  t.same(validate(registry, parseJson(text)), [])
  t.equal(validate(registry, parseJson(text.replace(':1}', ':1.0}'))).length, 1, '1.0 is not an integer')
  t.equal(validate(registry, parseJson(text.replace('"final"', '1.10'))).length, 1, 'nor is 1.10 a code')
  t.equal(validate(registry, parseJson('{"resourceType":"Patient","name":[1.10]}')).length, 1, 'nor a HumanName')
})

t.test('whatever is sent, validation answers', async t => {
  const broken = fc.oneof(fc.jsonValue(), fc.constantFrom('', '#', [], {}, null, [null], [[]], { coding: [null, 1] }))
  const keys = fc.constantFrom(
    'code',
    'component',
    'value',
    'valueQuantity',
    'contained',
    'text',
    '_status',
    'referenceRange',
  )
  fc.assert(
    fc.property(keys, broken, (key, value) => Array.isArray(validate(registry, { ...observation, [key]: value }))),
    { numRuns: 500 },
  )
  fc.assert(
    fc.property(fc.constantFrom(...registry.resourceTypes), fc.object(), (resourceType, content) =>
      Array.isArray(validate(registry, { ...content, resourceType })),
    ),
  )
  t.pass()
})

t.test('depth has a limit', async t => {
  const nested = (depth: number) =>
    `{"resourceType":"Questionnaire","status":"draft","item":${'[{"linkId":"1","type":"group","item":'.repeat(depth)}[{"linkId":"2","type":"display"}]${'}]'.repeat(depth)}}`
  const toldOf = (depth: number) =>
    validate(registry, parseJson(nested(depth))).flatMap(({ message }) =>
      message.startsWith('nested') ? [message] : [],
    )
  t.strictSame(toldOf(98), [])
  t.strictSame(toldOf(99), [
    'nested too deep: the path to an element that has elements of its own has at most 200 names and indexes',
  ])
  t.strictSame(toldOf(20_000), toldOf(99))
})

t.test('every type can be checked', async t => {
  for (const resourceType of registry.resourceTypes) {
    const issues = validate(registry, { resourceType })
    if (issues.some(({ code }) => code === 'structure')) t.fail(`${resourceType}: ${JSON.stringify(issues)}`)
  }
  t.pass()
})

t.test('if something is wrong throughout, the first hundred issues are reported', async t => {
  const issues = validate(registry, { ...observation, extension: Array(100_000).fill(0) })
  t.strictSame([issues.length, issues.filter(isError).length], [101, 100])
  t.match(issues.at(-1), { code: 'incomplete', message: 'More is wrong with it: these are the first 100 issues' })
  const elsewhere = Array.from({ length: 1000 }, (_, index) => ({ reference: `Device/${index}` }))
  const warned = validate(registry, { ...observation, hasMember: elsewhere })
  t.strictSame([warned.length, warned.some(isError)], [50, false])
  const wrong = validate(registry, { ...observation, hasMember: elsewhere, valueQuantity: { value: 'x' } })
  t.ok(wrong.some(isError), 'errors are reported whatever the warnings')
})

t.test('a missing contained resource is reported with some of those that exist', async t => {
  const contained = Array.from({ length: 3000 }, (_, index) => ({
    resourceType: 'Basic',
    id: `c${index}`,
    code: { text: 'x' },
  }))
  const focus = contained.map(({ id }) => ({ reference: `#no-${id}` }))
  const [first, ...others] = validate(registry, { ...observation, contained, focus })
  t.match(first, {
    code: 'invariant',
    message: /^ref-1: #no-c0 must be the id of a contained resource; there are c0, c1, .*, c39 …$/,
  })
  t.equal(others.length, 100)
})
