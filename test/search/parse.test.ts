import type { ResourceType } from '@medplum/fhirtypes'
import t from 'tap'
import { FhirError } from '../../src/fhir/error.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { parseCriteria, parseSearch } from '../../src/search/parse.ts'
import { print } from '../../src/search/print.ts'
import { selfQuery } from '../../src/search/search.ts'

const registry = loadRegistry()
const base = 'http://localhost:8080/fhir'
const parse = (type: ResourceType, query: string, handling: 'strict' | 'lenient' = 'strict') =>
  parseSearch(registry, type, new URLSearchParams(query), { handling, base })

const refusalOf = (run: () => unknown): FhirError => {
  try {
    run()
  } catch (error) {
    if (error instanceof FhirError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

/** The expression of a search, or the messages with which it is refused. */
const told = (run: () => string): string => {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof FhirError)) throw error
    return error.issues.map(issue => issue.message).join('\n')
  }
}

const table: readonly (readonly [ResourceType, string, string | RegExp])[] = [
  ['Observation', '', 'all'],
  ['Observation', '_id=a', '(_id a)'],
  ['Observation', '_id=a,b', '(or (_id a) (_id b))'],
  ['Observation', '_lastUpdated=gt2026-01-01', '(_lastUpdated gt 2026-01-01..2026-01-02)'],

  ['Observation', 'code=http://loinc.org|8867-4', '(code loinc|8867-4)'],
  ['Observation', 'code=http://snomed.info/sct|78564009', '(code snomed|78564009)'],
  ['Observation', 'code=omh:heart-rate', '(code omh:heart-rate)'],
  [
    'Observation',
    'code=https://w3id.org/openmhealth|omh:heart-rate:2.0',
    '(code https://w3id.org/openmhealth|omh:heart-rate:2.0)',
  ],
  [
    'Observation',
    'code=http://purl.bioontology.org/ontology/SNOMEDCT/78564009',
    '(code http://purl.bioontology.org/ontology/SNOMEDCT/78564009)',
  ],
  ['Observation', 'code=|x', '(code |x)'],
  ['Observation', 'code=http://loinc.org|', '(code loinc|)'],
  ['Observation', 'code=a\\,b', '(code a,b)'],
  ['Observation', 'code=a\\|b', '(code a\\|b)'],
  ['Observation', 'code=a\\\\,b', '(or (code a\\\\) (code b))'],
  ['Observation', 'code=a,b&code=c', '(and (or (code a) (code b)) (code c))'],
  ['Observation', 'code:not=a,b', '(not (or (code a) (code b)))'],
  ['Observation', 'code:missing=true', '(missing code)'],
  ['Observation', 'code:missing=false', '(not (missing code))'],
  ['Observation', 'code=|', /"\|" is no value of the token parameter "code"; accepted: code, system\|code/],
  ['Observation', 'code=a|b|c', /is no value of the token parameter "code"/],
  ['Observation', 'code=', 'The parameter "code" has an empty value'],
  ['Observation', 'code=a,,b', 'The parameter "code" has an empty value'],
  ['Observation', 'code=a,%00', 'The value of "code" has a NUL character, which no text here has'],
  ['Observation', 'code:missing=maybe', '"code:missing" is true or false, not "maybe"'],

  ['Observation', 'code:missing=constructor', '"code:missing" is true or false, not "constructor"'],

  ['Observation', 'subject=Patient/1', '(subject Patient/1)'],
  ['Observation', 'subject=1', '(subject 1)'],
  ['Observation', 'patient=1', '(patient Patient/1)'],
  ['Observation', 'subject:Patient=1', '(subject Patient/1)'],
  ['Observation', `subject=${base}/Patient/1`, '(subject Patient/1)'],
  ['Observation', 'subject=Patient/1/_history/2', '(subject Patient/1)'],
  ['Observation', 'subject=https://elsewhere.org/Patient/1', '(subject https://elsewhere.org/Patient/1)'],
  ['Observation', 'subject=urn:uuid:0d2b', '(subject urn:uuid:0d2b)'],
  ['CarePlan', 'instantiates-canonical:identifier=a|b', /The modifier ":identifier" is not supported for "instantia/],
  ['Observation', 'subject=Practitioner/1', /"Practitioner\/1" is no value .* accepted: id, .*Patient\/id/],
  ['Observation', 'subject=Foo/1', /"Foo\/1" is no value of the reference parameter "subject"/],
  ['Observation', 'subject=Patient?name=x', /is no value of the reference parameter "subject"/],
  ['Observation', 'subject:Patient=Group/1', /"Group\/1" is no value .* accepted: id, Patient\/id/],

  ['Observation', 'date=2026-03', '(date 2026-03-01..2026-04-01)'],
  ['Observation', 'date=ge2026-03-05&date=lt2026-04', /^\(and \(date ge 2026-03-05\.\..*\) \(date lt 2026-04-01/],
  ['Observation', 'date=2026-03-05T10:00:00+02:00', '(date 2026-03-05T08:00:00Z..2026-03-05T08:00:01Z)'],
  ['Observation', 'date=2026-03-05T10:00:00%2B02:00', '(date 2026-03-05T08:00:00Z..2026-03-05T08:00:01Z)'],
  ['Observation', 'date=2026-02-30', /"2026-02-30" is no value of the date parameter "date"; accepted: \[prefix\]yyyy/],
  ['Observation', 'date=xx2026', /"xx2026" is no value of the date parameter "date"/],

  ['Patient', 'name=ann', '(name ann)'],
  ['Patient', 'name=ann lee', '(name "ann lee")'],
  ['Patient', 'name=O\\,Neil,ann', '(or (name O,Neil) (name ann))'],

  ['Observation', 'value-quantity=5.40', '(value-quantity 5.395..5.405)'],
  ['Observation', 'value-quantity=gt10|http://unitsofmeasure.org|mmol/L', '(value-quantity gt 10 ucum|mmol/L)'],
  ['Observation', 'value-quantity=5||mg', '(value-quantity 4.5..5.5 mg)'],
  ['Observation', 'value-quantity=5|mg', /is no value of the quantity parameter "value-quantity"/],
  ['Observation', 'value-quantity=5|http://unitsofmeasure.org|mg|', /is no value of the quantity parameter/],
  ['ValueSet', 'url=http://x.org/a|1|2', '(url http://x.org/a|1|2)'],
  ['Observation', 'value-quantity=5|mg|', /is no value of the quantity parameter "value-quantity"/],
  ['RiskAssessment', 'probability=100', '(probability 99.5..100.5)'],
  ['RiskAssessment', 'probability=-1', '(probability -1.5..-0.5)'],
  ['RiskAssessment', 'probability=ge0.80', '(probability ge 0.80)'],
  [
    'RiskAssessment',
    'probability=much',
    /"much" is no value of the number parameter "probability"; accepted: \[prefix\]/,
  ],
  ['ValueSet', 'url=http://x.org/a', '(url http://x.org/a)'],

  [
    'Observation',
    'component-code-value-quantity=http://loinc.org|8480-6$gt140|http://unitsofmeasure.org|mm[Hg]',
    '(component-code-value-quantity loinc|8480-6 $ gt 140 ucum|mm[Hg])',
  ],
  ['Observation', 'code-value-quantity=a\\$b$5', '(code-value-quantity a$b $ 4.5..5.5)'],
  ['Observation', 'code-value-quantity=a', /accepted: 2 parts joined by \$: token\$quantity/],
  ['Observation', 'code-value-quantity=a$x', /"x" is no value of the quantity parameter/],

  ['Observation', 'subject:Patient.name=ann', '(chain subject:Patient (name ann))'],
  ['Observation', 'patient.name=ann,lee', '(chain patient:Patient (or (name ann) (name lee)))'],
  [
    'Encounter',
    'diagnosis.subject.identifier=x',
    '(or (chain diagnosis:Condition (chain subject:Patient (identifier x))) (chain diagnosis:Condition (chain subject:Group (identifier x))) (chain diagnosis:Procedure (chain subject:Patient (identifier x))) (chain diagnosis:Procedure (chain subject:Group (identifier x))))',
  ],
  ['Observation', 'subject.name=ann', '(or (chain subject:Patient (name ann)) (chain subject:Location (name ann)))'],
  ['Observation', 'subject.birthdate=2000', '(chain subject:Patient (birthdate 2000-01-01..2001-01-01))'],
  [
    'Observation',
    'patient.organization.name=lab',
    '(chain patient:Patient (chain organization:Organization (name lab)))',
  ],
  ['Observation', 'patient.gender:not=male', '(chain patient:Patient (not (gender male)))'],
  ['Observation', 'patient.general-practitioner:Practitioner=1', /^\(chain patient:Patient \(general-practitioner P/],
  // One of the possible targets of SearchParameter has a `target` that is not a reference: it is skipped.
  [
    'Provenance',
    'target.target:Patient.name=ann',
    '(or (chain target:Provenance (chain target:Patient (name ann))) (chain target:VerificationResult (chain target:Patient (name ann))))',
  ],
  ['Provenance', 'target.date=2026-13', /"2026-13" is no value of the date parameter "date"/],
  ['Observation', 'patient._has:Group:member:_id=G', '(chain patient:Patient (has Group:member (_id G)))'],
  ['Patient', '_has:Group:member:_id=G', '(has Group:member (_id G))'],
  ['Patient', '_has:Observation:patient:code=a,b', '(has Observation:patient (or (code a) (code b)))'],
  [
    'Patient',
    '_has:Observation:patient:_has:Provenance:target:agent=Practitioner/1',
    '(has Observation:patient (has Provenance:target (agent Practitioner/1)))',
  ],
  [
    'Patient',
    '_has:Observation:patient:performer:Practitioner.name=ann',
    '(has Observation:patient (chain performer:Practitioner (name ann)))',
  ],
  ['Observation', 'subject:Practitioner.name=ann', /^"subject" does not refer to Practitioner; possible: /],
  [
    'Observation',
    'subject.nothing=1',
    'No possible target of "subject.nothing" has such a search parameter; to be told what there is, name one of Patient, Group, Device, Location, as in subject:Patient.nothing',
  ],
  [
    'Observation',
    'patient.surname=1',
    /^Patient has no search parameter "surname"; it has: _text, _content, .*, family, /,
  ],
  [
    'Observation',
    'subject:Patient.nothing=1',
    /^Patient has no search parameter "nothing"; it has: _text, _content, _id, /,
  ],
  ['Observation', 'code.name=1', '"code" of Observation is a token parameter; only references can be chained'],
  ['Patient', '_has:Group:code:_id=G', '"code" of Group does not refer to Patient, so it cannot stand in _has'],
  ['Patient', '_has:Nothing:member:_id=G', /is not of the form _has:\[type\]:\[reference parameter\]:\[parameter\]$/],
  ['Patient', '_has:Group:member=G', /is not of the form _has/],
  ['Task', 'based-on.based-on.based-on.based-on.code=1', /can mean too many chains; name the types/],
  ['Task', `${'part-of.'.repeat(21)}code=1`, /leads through at most 20 references$/],

  [
    'Observation',
    'foo=1',
    /^"foo" is no search parameter of Observation; supported: _text, _content, _id, .*component-code.*, _count/,
  ],
  ['Observation', 'foo=1&bar=2', /^"foo" is no .*\n"bar" is no /],
  ['Patient', '_list=42', '(listed (identified 42))'],
  ['Patient', '_list=42,List/a.b', '(listed (identified 42 a.b))'],
  [
    'Patient',
    '_list=$current-problems',
    /^"\$current-problems" is a list by name, of which none is kept here; accepted: /,
  ],
  ['Patient', '_list=', /^"" is no value of "_list"; accepted: the id of a List/],
  ['Patient', `_list=${'a'.repeat(64)}`, `(listed (identified ${'a'.repeat(64)}))`],
  ['Patient', `_list=${'a'.repeat(65)}`, /^"a{65}" is no value of "_list"; accepted: the id of a List/],
  ['Patient', '_list=Patient/1', /^"Patient\/1" is no value of "_list"/],
  [
    'Patient',
    '_list:not=1',
    /^"_list:not" is no search parameter of Patient; supported: _text, _content, _id, .*_filter, _list, _count/,
  ],
  ['Patient', '_text=ann "grey cat" -dog', '(_text "ann \\"grey cat\\" -dog")'],
  ['Patient', '_content=a,b', '(or (_content a) (_content b))'],
  ['Patient', 'organization._text=lab', '(chain organization:Organization (_text lab))'],
  [
    'Patient',
    '_text=-',
    /^"-" is no value of the special parameter "_text"; accepted: words, of which all are meant; "a ph/,
  ],
  ['Patient', '_text:missing=true', /^The modifier ":missing" is not supported for "_text"/],
  ['Binary', '_text=a', /^"_text" is no search parameter of Binary/],
  ['Patient', 'name:exact=Ann', '(name exact Ann)'],
  ['Patient', 'name:contains=nn,b', '(or (name contains nn) (name contains b))'],
  [
    'Patient',
    'name:not=Ann',
    'The modifier ":not" is not supported for "name"; supported: :missing, :exact, :contains',
  ],
  [
    'Patient',
    'gender:text=x',
    /":text" is not supported for "gender"; supported: :missing, :not, :in, :not-in, :above/,
  ],
  [
    'Patient',
    'identifier:in=x',
    /":in" is not supported for "identifier"; supported: :missing, :not, :text, :of-type$/,
  ],
  ['Patient', 'birthdate:not=2000', 'The modifier ":not" is not supported for "birthdate"; supported: :missing'],
  ['Observation', 'code-value-quantity:missing=true', /":missing" is not supported .*; supported: none$/],
  ['Observation', 'value-quantity:exact=1', /":exact" is not supported/],
  ['Observation', 'subject:identifier=a|1', '(subject identifier a|1)'],
  ['Observation', 'subject:text=ann', '(subject text ann)'],
  ['Observation', 'patient.general-practitioner:identifier=|1', /^\(chain patient:Patient \(general-.* identifier \|1/],
  ['Observation', 'code:text=heart', '(code text heart)'],
  ['Observation', `code:in=${base}/ValueSet/x`, '(code in ValueSet/x)'],
  ['Observation', 'code:not-in=http://x.org/v', '(not (code in http://x.org/v))'],
  ['Observation', 'code:in=', 'The parameter "code" has an empty value'],
  ['Observation', 'code:below=http://x.org|a', '(code below http://x.org|a)'],
  ['Observation', 'code:below=a', /"a" is no value of the token parameter "code"; accepted: system\|code/],
  ['Patient', 'gender:above=male', '(gender above http://hl7.org/fhir/administrative-gender|male)'],
  ['DocumentReference', 'contenttype:below=text/xml', '(contenttype below text/xml)'],
  ['Patient', 'identifier:of-type=s|MR|1', '(identifier of-type s|MR 1)'],
  ['Patient', 'identifier:of-type=s|MR', /"s\|MR" is no value .*; accepted: system\|code\|value/],
  ['ValueSet', 'url:below=http://x.org/', '(url below http://x.org/)'],
  ['ValueSet', 'url:above=urn:oid:1', /accepted: a URL, since a URN has nothing above it$/],
  ['ValueSet', 'url=http://x.org/a|1.0', '(and (url http://x.org/a) (version 1.0))'],
  ['ValueSet', 'url=http://x.org/a|1\\,2', '(and (url http://x.org/a) (version 1,2))'],
  ['ValueSet', 'reference=http://x.org/a|1.0', '(reference http://x.org/a|1.0)'],
  ['QuestionnaireResponse', 'questionnaire=http://x.org/q|1', '(questionnaire http://x.org/q|1)'],
  ['QuestionnaireResponse', 'questionnaire:below=http://x.org/q|1', '(questionnaire below http://x.org/q|1)'],
  ['QuestionnaireResponse', 'questionnaire:above=http://x.org/q', /":above" is not supported/],
  ['Encounter', 'location:below=42', '(or (location Location/42) (below location Location/42 all))'],
  [
    'Patient',
    'organization:above=Organization/1',
    '(or (organization Organization/1) (above organization Organization/1 all))',
  ],
  ['Encounter', 'location:below=https://elsewhere.org/Location/1', /accepted: id, Location\/id$/],
  [
    'Communication',
    'part-of:below=1',
    /^\(or \(part-of 1\) \(below part-of CarePlan\/1 all\) .*part-of Task\/1 all\)\)$/,
  ],
  ['PlanDefinition', 'depends-on:below=http://x.org/q|1', '(depends-on below http://x.org/q|1)'],
  ['PlanDefinition', 'depends-on:above=Location/1', /":above" is not supported/],
  ['Communication', 'part-of:below=Communication/1', /\(below part-of Communication\/1 all\)\)$/],
  ['Observation', 'patient:below=1', /":below" is not supported/],
  ['Patient', 'gender=http://hl7.org/fhir/administrative-gender|male', /^\(gender http:.*\|male\)$/],
  ['Patient', 'gender=http://loinc.org|male', 'none'],
  ['Task', 'intent=http://hl7.org/fhir/task-intent|', '(intent unknown)'],
  ['DocumentReference', 'contenttype=urn:ietf:bcp:13|text/xml', '(contenttype urn:ietf:bcp:13|text/xml)'],
  ['DocumentReference', 'contenttype=http://loinc.org|text/xml', 'none'],
  ['DocumentReference', 'relationship=DocumentReference/1$http://loinc.org|replaces', 'none'],
  ['ValueSet', 'version=http://x.org|1', 'none'],
  ['Patient', '_id=http://x.org|1', 'none'],
  ['Patient', 'phone=home|555', /accepted: a code without a system and without \|$/],
  ['Location', 'near=48.2|16.4|1|km', '(near 48.2 16.4 1km)'],
  ['Location', 'near=48.2|16.4|1500|m', '(near 48.2 16.4 1.5km)'],
  ['Location', 'near=48.2|16.4', '(near 48.2 16.4 50km)'],
  ['Location', 'near=98.2|16.4', /accepted: latitude\|longitude\|distance\|unit/],
  ['Location', 'near=48.2|16.4|1|kg', /accepted: latitude\|longitude\|distance\|unit/],
]

for (const [type, query, expected] of table) {
  t.test(`${type}?${query}`, async t => {
    const found = told(() => print(parse(type, query).where))
    if (typeof expected === 'string') t.equal(found, expected)
    else t.match(found, expected)
  })
}

t.test('a refused search is answered 400 and its issues name the parameters', async t => {
  const refused = refusalOf(() => parse('Observation', 'foo=1&date=x'))
  t.has(refused, {
    status: 400,
    issues: [
      { code: 'invalid', expression: 'foo' },
      { code: 'invalid', expression: 'date' },
    ],
  })
  const tooCostly = 'based-on.based-on.based-on.based-on.code=1'
  t.equal(refusalOf(() => parse('Task', tooCostly)).status, 400)
  t.match(
    refusalOf(() => parse('Task', `foo=1&${tooCostly}&date=x`)).issues.map(({ code }) => code),
    ['too-costly'],
    'what is too costly is told alone',
  )
})

t.test('lenient handling ignores unknown parameters and says which', async t => {
  const search = parse('Observation', 'foo=1&code=a&_score=x&foo.bar=2&foo=3', 'lenient')
  t.equal(print(search.where), '(code a)')
  t.same(search.ignored, ['foo', '_score', 'foo.bar'])
  t.equal(selfQuery(search), 'code=a')
})

t.test('an unknown named query is refused, however lenient the handling', async t => {
  for (const handling of ['strict', 'lenient'] as const)
    t.has(
      refusalOf(() => parse('Observation', 'code=a&_query=x', handling)),
      { status: 400, issues: [{ code: 'invalid', expression: '_query' }] },
    )
})

t.test('a backslash comes before what it escapes, and is refused elsewhere', async t => {
  for (const query of ['code=x\\y', 'code=a,x\\', 'patient.name=x\\y', '_text=a\\b', 'code:not=x\\y', 'code=\\\\\\x'])
    t.match(
      refusalOf(() => parse('Observation', query)),
      { status: 400, issues: [{ code: /^invalid$/, message: /it is written \\\\$/ }] },
      query,
    )
})

t.test('lenient handling ignores a parameter without a value, and strict handling refuses it', async t => {
  const search = parse('Observation', 'patient=&code=a&subject.name=&_count=&code:in=', 'lenient')
  t.equal(print(search.where), '(code a)')
  t.same(search.ignored, ['patient', 'subject.name', '_count', 'code:in'])
  t.equal(selfQuery(search), 'code=a')
  t.match(parse('Observation', '_include=&_summary=text', 'lenient'), { summary: 'text', ignored: ['_include'] })
  t.equal(refusalOf(() => parse('Observation', 'patient=')).status, 400)
  t.equal(refusalOf(() => parse('Observation', 'code=a,,b', 'lenient')).status, 400)
  t.equal(refusalOf(() => parse('Observation', '_cursor=', 'lenient')).status, 400)
})

t.test('lenient handling does not ignore what would change the meaning of a known parameter', async t => {
  for (const query of ['code:exact=x', 'date=x', 'subject:Patient.foo=1', '_has:Group:member:foo=1']) {
    t.equal(refusalOf(() => parse('Observation', query, 'lenient')).status, 400, query)
  }
})

t.test('without result parameters a page has 20 entries, no total and the default order', async t => {
  t.match(parse('Patient', ''), { count: 20, total: 'none', sort: [], summary: undefined, cursor: undefined })
})

t.test('_count beyond 1000 is capped, and the self link says so', async t => {
  const search = parse('Patient', 'name=ann&_count=5000')
  t.equal(search.count, 1000)
  t.equal(selfQuery(search), 'name=ann&_count=1000')
  t.equal(parse('Patient', '_count=2147483647').count, 1000, 'the largest integer of clients')
})

t.test('_count=0 and _summary=count only ask for the exact number', async t => {
  t.match(parse('Patient', '_count=0'), { count: 0, summary: 'count', total: 'accurate' })
  t.match(parse('Patient', '_summary=count'), { summary: 'count', total: 'accurate' })
  t.match(parse('Patient', '_summary=count&_elements=name'), { summary: 'count', elements: ['name'] })
  t.match(parse('Patient', '_summary=count&_total=estimate'), { summary: 'count', total: 'estimate' })
})

t.test('_contained=false is no condition, with any _containedType', async t => {
  for (const query of ['_contained=false', '_contained=false&_containedType=contained', '_containedType=container']) {
    const search = parse('Observation', `code=a&${query}`)
    t.equal(print(search.where), '(code a)')
    t.equal(selfQuery(search), `code=a&${query}`)
  }
  t.same(parse('Observation', 'code=a&_contained=both', 'lenient').ignored, ['_contained'])
})

t.test('_sort takes several parameters, each with its direction', async t => {
  const { sort } = parse('Observation', '_sort=-date,code')
  t.match(sort, [
    { parameter: { code: 'date' }, descending: true },
    { parameter: { code: 'code' }, descending: false },
  ])
})

const refusedShapes: readonly (readonly [string, RegExp])[] = [
  ['_count=-1', /^_count is a whole number from 0 to 1000, not "-1"$/],
  ['_count=1.5', /_count is a whole number/],
  ['_count=', /_count is a whole number/],
  ['_count=1&_count=2', /"_count" is given more than once/],
  ['_sort=nothing', /cannot be sorted by "nothing"; accepted, with or without "-": _id, /],
  ['_sort=', /cannot be sorted by ""/],
  ['_sort=code-value-quantity', /cannot be sorted by "code-value-quantity"/],
  ['_sort=date,-date', /_sort names "date" twice/],
  ['_total=some', /_total "some" is not supported; accepted: none, estimate, accurate/],
  ['_summary=some', /_summary "some" is not supported; accepted: true, text, data, count, false/],
  [
    '_contained=true',
    /^_contained=true is not supported: what a resource contains is answered within it alone; accepted: false$/,
  ],
  ['_contained=both&_containedType=contained', /^_contained=both is not supported/],
  ['_contained=', /_contained "" is not supported; accepted: false/],
  ['_containedType=x', /_containedType "x" is not supported; accepted: container, contained/],
  ['_cursor=', /_cursor is empty/],
]

for (const [query, expected] of refusedShapes) {
  t.test(`?${query} is refused`, async t => {
    t.match(
      told(() => print(parse('Observation', query).where)),
      expected,
    )
  })
}

t.test('criteria are only conditions', async t => {
  const criteria = (query: string) => told(() => print(parseCriteria(registry, 'Observation', query)))
  t.equal(criteria('code=a&category=vital-signs'), '(and (code a) (category vital-signs))')
  t.equal(criteria('_count=1'), '"_count" shapes an answer and cannot be a criterion')
  t.equal(criteria(''), 'Criteria for Observation are missing')
  t.equal(print(parseCriteria(registry, 'Observation', new URLSearchParams('code=a'))), '(code a)')
  const supported = registry.searchParametersOf('Observation').map(({ code }) => code)
  t.equal(
    criteria('foo=1'),
    `"foo" is no search parameter of Observation; supported: ${[...supported, '_has'].join(', ')}`,
    'what would be refused as well is not named',
  )
  t.equal(
    told(() => print(parseCriteria(registry, 'Observation', 'foo=1', { isOfItself: true }))),
    `"foo" is no search parameter of Observation; supported: ${supported.join(', ')}`,
    'nor what asks about other resources, for a scope',
  )
  t.equal(criteria(Array(101).fill('code=a').join('&')), 'A search has at most 100 parameters, not 101')
})
