import t from 'tap'
import { openCodeClasses } from '../../src/fhir/measured/code-class.ts'
import { type Facts, openCodings } from '../../src/mhealth/codings.ts'
import { at, point, receive, upload } from './upload.ts'

const codings = openCodings(openCodeClasses())
const facts = (more: Partial<Facts> = {}): Facts => ({
  unit: undefined,
  specimen_source: 'unspecified',
  descriptive_statistic: undefined,
  duration: undefined,
  ...more,
})
const loincOf = (classKey: string, more?: Partial<Facts>) =>
  codings.loinc(classKey, facts(more)).map(({ system, code }) => (system === 'http://loinc.org' ? code : system))

/** By specimen and unit. */
const glucose = [
  ['interstitial fluid', 'mg/dL', '99504-3'],
  ['interstitial fluid', 'mmol/L', '105272-9'],
  ['capillary blood', 'mg/dL', '41653-7'],
  ['capillary blood', 'mmol/L', '14743-9'],
  ['whole blood', 'mg/dL', '2339-0'],
  ['whole blood', 'mmol/L', '15074-8'],
  ['unspecified', 'mg/dL', '2339-0'],
  ['unspecified', 'mmol/L', '15074-8'],
  ['plasma', 'mg/dL', '2345-7'],
  ['plasma', 'mmol/L', '14749-6'],
  ['serum', 'mg/dL', '2345-7'],
  ['serum', 'mmol/L', '14749-6'],
] as const

t.test('glucose has the LOINC code of its specimen and unit, and of those alone', async t => {
  for (const [specimen_source, unit, code] of glucose) {
    const said = { specimen_source, unit }
    t.strictSame(loincOf('omh:blood-glucose', said), [code], `${specimen_source}, ${unit}`)
    for (const other of new Set(glucose.map(([, , one]) => one)))
      t.equal(codings.unmet('omh:blood-glucose', other, facts(said)) === undefined, other === code, `${code} ${other}`)
  }
  t.strictSame(loincOf('omh:blood-glucose', { specimen_source: 'tears', unit: 'mg/dL' }), [])
  t.strictSame(loincOf('omh:blood-glucose', { specimen_source: 'capillary blood', unit: 'g/L' }), [])
})

t.test('for a code that is not met, all that it stands for is told', async t => {
  const tears = facts({ specimen_source: 'tears', unit: 'mg/dL' })
  t.equal(
    codings.unmet('omh:blood-glucose', '2345-7', tears),
    'specimen_source plasma, unit mg/dL, or for specimen_source serum, unit mg/dL',
  )
  t.equal(codings.unmet('omh:blood-glucose', '99504-3', tears), 'specimen_source interstitial fluid, unit mg/dL')
  t.equal(codings.unmet('omh:body-weight', '3141-9', tears), undefined, 'a code without conditions')
  t.equal(codings.unmet('omh:heart-rate', '8867-4', tears), undefined, 'that of the whole class')
  t.equal(codings.unmet('omh:heart-rate', '2345-7', tears), undefined, 'a code of another class')
  t.equal(codings.unmet('omh:gait', '2345-7', tears), undefined, 'a class without codes')
})

t.test('a statistic has a plain code only if it is a sum', async t => {
  const statistic = (classKey: string, descriptive_statistic?: string, duration?: string) =>
    loincOf(classKey, { descriptive_statistic, duration })
  t.strictSame(statistic('omh:heart-rate'), ['8867-4'])
  t.strictSame(statistic('omh:heart-rate', 'average'), [])
  t.strictSame(statistic('omh:heart-rate', 'maximum'), [])
  t.strictSame(statistic('omh:heart-rate', 'maximum', '1 d'), ['8873-2'])
  t.strictSame(statistic('omh:heart-rate', 'minimum', '1 d'), [])
  t.strictSame(statistic('omh:blood-pressure', 'average'), ['96607-7'])
  t.strictSame(statistic('omh:step-count', 'sum', '1 d'), ['55423-8', '41950-7'])
  t.strictSame(statistic('omh:step-count', 'average', '1 d'), [])
  t.strictSame(statistic('omh:total-sleep-time'), [], 'of a class to which a code is only related')
})

t.test('a schema is coded in its own system, and by SNOMED CT where that means no other schema', async t => {
  const code = (namespace: string) => codings.of({ namespace, name: 'x', version: '1.0' } as never)
  t.strictSame(code('ieee'), { system: 'https://w3id.org/ieee1752', code: 'ieee:x:1.0' })
  t.strictSame(code('omh'), { system: 'https://w3id.org/openmhealth', code: 'omh:x:1.0' })
  t.strictSame(codings.snomed('omh:sleep-duration'), [{ system: 'http://snomed.info/sct', code: '248263006' }])
  t.strictSame(codings.snomed('omh:total-sleep-time'), [], 'it is a spelling of the other schema')
  t.strictSame(codings.snomed('omh:gait'), [])
})

t.test('an answer and a statistic in words have codes of their own', async t => {
  const statistic = { system: 'http://terminology.hl7.org/CodeSystem/observation-statistics', code: 'average' }
  t.strictSame([codings.statistic('average'), codings.answer('average')], [statistic, undefined])
  const sitting = { system: 'http://snomed.info/sct', code: '33586001' }
  t.strictSame([codings.answer('sitting'), codings.statistic('sitting')], [sitting, undefined])
})

t.test('what the server codes itself is accepted with that code, under the strictest policy, too', async t => {
  for (const [blood_specimen_type, unit] of [
    [undefined, 'mg/dL'],
    [undefined, 'mmol/L'],
    ['whole blood', 'mg/dL'],
    ['serum', 'mmol/L'],
    ['plasma', 'mg/dL'],
  ] as const) {
    const body = { blood_glucose: { value: 6, unit }, effective_time_frame: at }
    const sent = upload(
      point('omh:blood-glucose:1.0', { ...body, ...(blood_specimen_type && { blood_specimen_type }) }),
    )
    const { code } = receive(sent).resource
    t.strictSame(receive({ ...sent, code }, 'strict').issues, [], `${blood_specimen_type}, ${unit}`)
  }
})
