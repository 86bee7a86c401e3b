import type { ResourceType } from '@medplum/fhirtypes'
import t from 'tap'
import { FhirError } from '../../../src/fhir/error.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseCriteria, parseSearch } from '../../../src/search/parse.ts'
import { print } from '../../../src/search/print.ts'
import { selfQuery } from '../../../src/search/search.ts'

const registry = loadRegistry()
const search = (type: ResourceType, filter: string, more: [string, string][] = []) =>
  parseSearch(registry, type, new URLSearchParams([['_filter', filter], ...more]))

/** The expression, or what the refusal says after `_filter, `. */
const told = (type: ResourceType, filter: string): string => {
  try {
    return print(search(type, filter).where)
  } catch (error) {
    if (!(error instanceof FhirError)) throw error
    t.same([error.status, error.issues[0].expression], [400, '_filter'], filter)
    return error.message.replace(/^_filter, /, '')
  }
}

const meanings: readonly (readonly [ResourceType, string, string])[] = [
  ['Patient', 'name co "pet"', '(name co pet)'],
  ['Patient', 'name eq "Ann Lee"', '(name eq "Ann Lee")'],
  ['Patient', 'name ne ann', '(name ne eq ann)'],
  ['Patient', 'name sw an', '(name sw an)'],
  ['Patient', 'name ew nn', '(name ew nn)'],
  ['Patient', 'name co "a \\"b\\" (c] \\u00e9"', '(name co "a \\"b\\" (c] é")'],
  ['Patient', 'name pr true', '(not (missing name))'],
  ['Patient', 'name pr false', '(missing name)'],
  ['Patient', 'gender ne male', '(gender ne male)'],
  ['Patient', 'gender eq http://loinc.org|male', 'none'],
  ['Patient', 'gender ne http://loinc.org|male', '(not (missing gender))'],
  ['Patient', 'deceased ne true', '(not (deceased true))'],
  ['Patient', 'identifier eq http://x.org|a', '(identifier http://x.org|a)'],
  ['Patient', 'general-practitioner re Practitioner/1', '(general-practitioner Practitioner/1)'],
  ['Patient', 'organization eq Organization/1', '(organization Organization/1)'],
  ['Patient', 'organization ne Organization/1', '(organization ne Organization/1)'],
  ['Patient', 'organization pr true', '(not (missing organization))'],
  ['Patient', 'birthdate pr true', '(not (missing birthdate))'],
  ['Patient', 'birthdate ge 2014-10-10', '(birthdate ge 2014-10-10..2014-10-11)'],
  ['Patient', '_id eq a', '(_id a)'],
  ['Observation', 'date po 2014', '(date ap 2014-01-01..2015-01-01)'],
  ['Observation', 'date sa 2014-02', '(date sa 2014-02-01..2014-03-01)'],
  ['Observation', 'code eq http://loinc.org|1234-5', '(code loinc|1234-5)'],
  ['Observation', 'code ne omh:heart-rate', '(and (not (missing code)) (not (code omh:heart-rate)))'],
  ['Observation', 'value-quantity gt 5.40|http://unitsofmeasure.org|mg', '(value-quantity gt 5.40 ucum|mg)'],
  ['Observation', 'value-quantity ne 5', '(value-quantity ne 4.5..5.5)'],
  ['Observation', 'code-value-quantity eq loinc|2339-0$ge150', '(code-value-quantity loinc|2339-0 $ ge 150)'],
  ['Observation', 'combo-code ne x', '(combo-code ne x)'],
  ['Observation', 'code ss loinc|1', '(code below loinc|1)'],
  ['Observation', 'code sb loinc|1', '(code above loinc|1)'],
  ['Observation', 'code in http://x.org/vs', '(code in http://x.org/vs)'],
  ['Observation', 'code ni ValueSet/1', '(not (code in ValueSet/1))'],
  ['ValueSet', 'url eq http://x.org/a', '(url http://x.org/a)'],
  ['ValueSet', 'url ne http://x.org/a', '(url ne http://x.org/a)'],
  ['ValueSet', 'url pr false', '(missing url)'],
  ['ValueSet', 'url sw http://x.org/', '(url sw http://x.org/)'],
  ['RiskAssessment', 'probability le 0.8', '(probability le 0.8)'],
  ...['ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb'].map((operator): readonly [ResourceType, string, string] => [
    'Observation',
    `date ${operator} 2026-03-01`,
    `(date ${operator} 2026-03-01..2026-03-02)`,
  ]),

  ['Patient', 'given eq peter and birthdate ge 2014', '(and (given eq peter) (birthdate ge 2014-01-01..2015-01-01))'],
  // "and" never comes before "or".
  ['Patient', 'name co a or name co b and name co c', '(and (or (name co a) (name co b)) (name co c))'],
  ['Patient', 'name co a or (name co b and name co c)', '(or (name co a) (and (name co b) (name co c)))'],
  ['Patient', 'not (gender eq male) and name sw a', '(and (not (gender male)) (name sw a))'],
  ['Patient', 'not(not(gender eq male))', '(not (not (gender male)))'],
  ['Patient', ' ( gender  eq  male ) ', '(gender male)'],

  ['Observation', 'patient.name co "pet"', '(chain patient:Patient (name co pet))'],
  ['Observation', 'subject.name co a', '(or (chain subject:Patient (name co a)) (chain subject:Location (name co a)))'],
  ['Observation', 'subject:Patient.id eq 1', '(chain subject:Patient (_id 1))'],
  ['Observation', 'patient[gender eq male].name co x', '(chain patient:Patient (and (gender male) (name co x)))'],
  [
    'Observation',
    'derived-from:Observation[status eq final and (code eq a or code eq b)].patient[name co x].organization.name pr false',
    '(chain derived-from:Observation (and (and (status final) (or (code a) (code b))) (chain patient:Patient (and (name co x) (chain organization:Organization (missing name))))))',
  ],
  ['Patient', '_has:Observation:patient:code eq a', '(has Observation:patient (code a))'],
  ['Observation', 'patient._has:Group:member:_id eq G', '(chain patient:Patient (has Group:member (_id G)))'],
]

for (const [type, filter, expected] of meanings)
  t.test(`${type}: ${filter}`, async t => t.equal(told(type, filter), expected))

const refusals: readonly (readonly [ResourceType, string, string | RegExp])[] = [
  ['Patient', '', 'at character 1: it ends where a search parameter, "not (" or "(" is expected'],
  ['Patient', 'name', 'at character 5: it ends where a blank and an operator is expected'],
  ['Patient', 'name co', 'at character 8: it ends where a blank and a value is expected'],
  ['Patient', 'name co a or', 'at character 13: it ends where a search parameter, "not (" or "(" is expected'],
  ['Patient', 'name co a b', 'at character 11: "b" where "and", "or" or the end is expected'],
  ['Patient', 'name co a)', 'at character 10: ")" where "and", "or" or the end is expected'],
  ['Patient', '(name co a', 'at character 1: this "(" is never closed'],
  ['Patient', '(name co a]', 'at character 11: "]" where "and", "or" or ")" is expected'],
  ['Patient', 'name co "a', 'at character 9: this string is never closed'],
  ['Patient', 'name co "\\x"', /^at character 9: this is no JSON string: its escapes are /],
  ['Patient', 'name co "\\u0000"', 'at character 9: no text here has a NUL character'],
  ['Patient', 'name eq ""', 'at character 9: nothing to compare "name" with'],
  [
    'Patient',
    'name gt a',
    'at character 6: "gt" does not compare the string parameter "name"; accepted: eq, ne, co, sw, ew, pr',
  ],
  ['Patient', 'name constructor a', /^at character 6: "constructor" does not compare the string parameter "name"/],
  [
    'Patient',
    'gender co m',
    /^at character 8: "co" does not compare the token parameter "gender"; accepted: eq, ne, pr, ss, sb, in, ni/,
  ],
  [
    'Patient',
    'identifier in http://x.org/vs',
    /^at character 12: "in" does not compare the token parameter "identifier"; accepted: eq, ne, pr$/,
  ],
  ['Patient', 'gender in ""', /^at character 11: The parameter "gender" has an empty value/],
  ['Patient', 'name pr maybe', 'at character 9: "pr" takes true or false, not "maybe"'],
  ['Patient', 'birthdate ge 2014-13', /^at character 14: "ge2014-13" is no value of the date parameter "birthdate"/],
  ['Patient', 'birthdate eq ge2014', 'at character 14: "ge" is a prefix; a filter has operators instead'],
  [
    'Patient',
    'name co a and foo eq 1',
    /^at character 15: Patient has no search parameter "foo"; it has: _text, _content, _id, /,
  ],
  [
    'Patient',
    'name.given co a',
    /^at character 1: "name" of Patient is a string parameter; only references can be chai/,
  ],
  ['Patient', 'organization.foo eq 1', /^at character 1: Organization has no search parameter "foo"; it has: _text, /],
  [
    'Patient',
    'organization[name co a] pr true',
    'at character 24: " " where "." and a parameter behind the "]" is expected',
  ],
  ['Patient', 'active:not eq true', 'at character 1: "active:not" has a modifier; a filter has operators instead'],
  ['Provenance', 'target.target._id eq 1', /^at character \d+: "target" can mean too many chains; name the type/],
  ['Observation', `${'derived-from:Observation.'.repeat(21)}code eq a`, /^at character \d+: more than 20 links$/],
  [
    'Patient',
    `${'('.repeat(21)}gender eq male${')'.repeat(21)}`,
    'at character 21: brackets stand more than 20 deep in each other',
  ],
  ['Patient', Array(51).fill('gender eq male').join(' or '), /: more than 50 comparisons$/],
]

for (const [type, filter, expected] of refusals)
  t.test(`${type}: ${filter} is refused`, async t => {
    const refusal = told(type, filter)
    if (typeof expected === 'string') t.equal(refusal, expected)
    else t.match(refusal, expected)
  })

t.test('a filter is combined with the other parameters, and with other filters', async t => {
  const { where } = search('Patient', 'name co a', [
    ['gender', 'male'],
    ['_filter', 'name ew b'],
  ])
  t.equal(print(where), '(and (name co a) (gender male) (name ew b))')
})

t.test('the self link carries the filter', async t => {
  t.equal(selfQuery(search('Patient', 'name co "a b"')), '_filter=name+co+%22a+b%22')
})

t.test('a scope or other criteria cannot have a filter', async t => {
  t.throws(() => parseCriteria(registry, 'Patient', '_filter=name co a'), {
    message: '"_filter" cannot be a criterion: criteria are plain parameters',
  })
})
