import t from 'tap'
import { systems } from '../../../src/fhir/canonical.ts'
import { openMhealthMaps } from '../../../src/fhir/measured/open-mhealth-maps.ts'
import { languageCodes, wordsFor } from '../../../src/messages/catalogue.ts'
import { ieeeValueSchemas } from '../../../src/mhealth/schema/ieee-values.ts'
import { valueSchemas } from '../../../src/mhealth/schema/values.ts'
import { answerNames } from '../../../src/web/page/answer-names.ts'

const spanish = answerNames(wordsFor('es'))
const coded = (system: string, code: string, display?: string) => ({
  coding: [{ system, code, ...(display && { display }) }],
})

t.test('every answer that Open mHealth has words for has a name in every language', async t => {
  const asked = /temporal-relationship|posture|position-during|body-location|specimen|statistic$/
  const enumerated = [...valueSchemas, ...ieeeValueSchemas].flatMap(row =>
    asked.test(row.name) && 'shape' in row ? ((row.shape.enum as readonly string[] | undefined) ?? []) : [],
  )
  const mapped = openMhealthMaps.answers.group.flatMap(({ element }) => element.map(({ code }) => code))
  const all = new Set([...enumerated, ...mapped])
  for (const word of [
    '2 hours postprandial',
    'semi-recumbent',
    'left ear lobe',
    'whole blood',
    'lacrimal fluid',
    'sum',
  ])
    t.ok(all.has(word), word)
  for (const code of languageCodes)
    for (const word of all) t.type(wordsFor(code).meaning('answer', word), 'string', `${code}: ${word}`)
})

t.test('an answer is in the language of the reader by its words, or by the code that documents get', async t => {
  t.equal(spanish.concept({ text: 'sitting' }), 'en posición sentada')
  t.equal(spanish.concept({ text: 'Sitting' }), 'en posición sentada')
  t.equal(spanish.concept(coded(systems.snomed, '33586001')), 'en posición sentada')
  const shown = coded(systems.snomed, '33586001', 'Sitting position')
  t.equal(spanish.concept({ ...shown, text: 'Sitting position' }), 'en posición sentada')
  t.equal(spanish.concept(coded(systems.dataAbsentReason, 'not-performed', 'Not Performed')), 'no se midió')
  t.equal(spanish.statistic('standard deviation'), 'desviación estándar')
  t.equal(spanish.statistic('std-dev'), 'desviación estándar')
  t.strictSame([spanish.truth(true), spanish.truth(false)], ['sí', 'no'])
})

t.test('an answer with a text of its own, or that nobody named, stays as it was sent', async t => {
  const shown = coded(systems.snomed, '33586001', 'Sitting position')
  t.equal(spanish.concept({ ...shown, text: 'sitting, legs crossed' }), 'sitting, legs crossed')
  t.equal(spanish.concept(coded('http://example.org/posture', '33586001', 'On one leg')), 'On one leg')
  t.equal(spanish.concept(coded('http://example.org/posture', 'x')), 'x')
  t.equal(spanish.concept(undefined), undefined)
  t.equal(spanish.statistic('mode'), 'mode')
})
