import t from 'tap'
import { systems } from '../../../src/fhir/canonical.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { languageCodes, wordsFor } from '../../../src/messages/catalogue.ts'
import { elementMapOf } from '../../../src/mhealth/element-map.ts'
import { kindNames } from '../../../src/web/page/kind-names.ts'

const classes = openCodeClasses()

t.test('every part of a document has a name in every language, by whichever code it gets', async t => {
  const parts = classes.kinds().flatMap(({ key }) => elementMapOf(key).components ?? [])
  const codes = parts.flatMap(({ path, loinc, snomed, statistic }) => [
    { system: systems.omhElement, code: path },
    ...[loinc, statistic?.loinc].flatMap(code => (code === undefined ? [] : { system: systems.loinc, code })),
    ...(snomed === undefined ? [] : [{ system: systems.snomed, code: snomed }]),
  ])
  // The two pressures always have codes of LOINC or SNOMED.
  const asked = codes.filter(({ code }) => !/^(?:sys|dias)tolic_blood_pressure$/.test(code))
  const circumstances = ['physical_activity', 'sleep', 'meal'].map(what => `temporal_relationship_to_${what}`)
  const more = [...circumstances, 'specimen_source'].map(code => ({ system: systems.omhElement, code }))
  for (const language of languageCodes) {
    const nameKind = kindNames(classes, wordsFor(language))
    for (const { system, code } of [...asked, ...more, { system: systems.snomed, code: '271605009' }])
      t.type(nameKind(system, code), 'string', `${language}: ${system} ${code}`)
  }
})

t.test('a code of somebody else that is spelled like a part is none', async t => {
  const nameKind = kindNames(classes, wordsFor('es'))
  t.equal(nameKind(systems.omhElement, 'duration'), 'duración')
  t.equal(nameKind('http://example.org/parts', 'duration'), undefined)
})
