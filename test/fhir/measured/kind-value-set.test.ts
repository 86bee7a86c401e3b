import t from 'tap'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { kindValueSets, kindValueSetUrl } from '../../../src/fhir/measured/kind-value-set.ts'

const classes = openCodeClasses()
const valueSets = kindValueSets(classes)

t.test('each kind has one ValueSet, and each of its codes belongs to that kind', t => {
  t.same(
    valueSets.map(one => one.url),
    classes.kinds().map(one => kindValueSetUrl(one.key)),
  )
  for (const [index, { key }] of classes.kinds().entries()) {
    for (const { system, concept } of valueSets[index]?.compose?.include ?? []) {
      for (const { code } of concept ?? []) t.equal(classes.kindOf(system, code), key, `${system}|${code}`)
    }
  }
  t.end()
})

t.test('the narrower codes are in it', t => {
  const glucose = valueSets.find(one => one.url === kindValueSetUrl('omh:blood-glucose'))
  const loinc = glucose?.compose?.include?.find(one => one.system === 'http://loinc.org')
  t.ok(loinc?.concept?.some(one => one.code === '99504-3'))
  t.end()
})
