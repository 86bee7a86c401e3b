import t from 'tap'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { isError, validate } from '../../../src/fhir/validate/validate.ts'
import { allExamples, type Example, keyExamples, syntheticExamples, withoutExamples } from '../examples.ts'

/** Published examples that are not valid R4. */
const invalid: Readonly<Record<string, string>> = {
  'ActivityDefinition/blood-tubes-supply': 'the narrative is empty (txt-2)',
  'ActivityDefinition/heart-valve-replacement': 'the narrative is empty (txt-2)',
  'EventDefinition/example': 'the narrative is empty (txt-2)',
  'Questionnaire/qs1': 'items lack their linkId, which is required (1..1)',
  'Questionnaire/zika-virus-exposure-assessment': 'the narrative is empty (txt-2)',
}

/** Published examples that break a rule of which we therefore only warn. */
const warned: Readonly<Record<string, string>> = {
  'DeviceMetric/example': 'parent is a DeviceDefinition, only Device is allowed',
  'DeviceUseStatement/example': 'reasonReference is a Procedure, which is not allowed',
  'MedicationRequest/medrx0301': 'dispenseRequest.performer is a Practitioner, only Organization is allowed',
  'Observation/clinical-gender': 'performer is an Encounter, which is not allowed',
}

const registry = loadRegistry()
const refused = ({ resource }: Example): boolean => validate(registry, resource).some(isError)
const namesOf = (examples: readonly Example[]): string[] => examples.map(({ name }) => name).sort()

t.test('all but two of the key examples are valid', { skip: withoutExamples }, async t => {
  const examples = keyExamples()
  t.equal(examples.length, 228)
  t.same(namesOf(examples.filter(refused)), ['Questionnaire/qs1', 'Questionnaire/zika-virus-exposure-assessment'])
})

t.test('the examples of R4 are valid, except those that are known not to be', { skip: withoutExamples }, async t => {
  const examples = allExamples()
  t.equal(examples.length, 723)
  t.same(namesOf(examples.filter(refused)), Object.keys(invalid))
  const onlyWarned = examples.filter(one => !refused(one) && validate(registry, one.resource).length > 0)
  t.same(namesOf(onlyWarned), Object.keys(warned))
})

t.test('the synthetic patients are valid', { skip: withoutExamples }, async t => {
  const examples = syntheticExamples()
  t.ok(examples.length > 1500)
  t.same(namesOf(examples.filter(refused)), [])
})

t.test('the refusal of Questionnaire/qs1 names the linkId', { skip: withoutExamples }, async t => {
  const [qs1] = keyExamples().filter(({ name }) => name === 'Questionnaire/qs1')
  const [first] = validate(registry, qs1?.resource)
  t.match(first, { code: 'required', expression: 'Questionnaire.item[0].item[0].linkId' })
})
