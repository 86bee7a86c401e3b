import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { canonicalBase, extensions } from '../../src/fhir/canonical.ts'
import { openCodeClasses } from '../../src/fhir/measured/code-class.ts'
import { openMhealthMaps } from '../../src/fhir/measured/open-mhealth-maps.ts'
import { ucumByUnit } from '../../src/mhealth/quantity.ts'
import { bodySchemas, schemaTable } from '../../src/mhealth/schema/table.ts'

const published = readdirSync('fhir-profiles').map(file => ({
  file,
  definition: JSON.parse(readFileSync(`fhir-profiles/${file}`, 'utf8')) as {
    resourceType: string
    id: string
    url: string
  },
}))

t.test('the code systems list every version of every schema that we validate', t => {
  const listed = new Set(
    openMhealthMaps.codeSystems.flatMap(({ concept }) =>
      concept.flatMap(one => (one.concept ?? []).map(({ code }) => code)),
    ),
  )
  for (const { name, versions } of bodySchemas) {
    for (const version of versions)
      t.ok(listed.has(`${name}:${version}`), `a CodeSystem of fhir-profiles/ lists ${name}:${version}`)
  }
  t.end()
})

/** A medication has pieces and strengths as units, from which no value is made. */
const measured = schemaTable.filter(({ name }) => !name.includes('medication'))

t.test('every unit that a schema allows has a UCUM code', t => {
  const units = [...JSON.stringify(measured).matchAll(/"unit":\{"type":"string","enum":(\[[^\]]*\])/g)].flatMap(
    ([, list]) => JSON.parse(list ?? '[]') as string[],
  )
  t.ok(units.length > 100)
  t.same(
    [...new Set(units)].filter(unit => !ucumByUnit.has(unit)),
    [],
  )
  t.end()
})

t.test('every schema of the maps is one that the code systems list', t => {
  const kinds = new Set(
    openCodeClasses()
      .kinds()
      .map(({ key }) => key),
  )
  const named = [openMhealthMaps.loinc, openMhealthMaps.snomed].flatMap(({ group }) =>
    group.flatMap(({ element }) => element.map(({ code }) => code)),
  )
  t.same(
    named.filter(code => !kinds.has(code)),
    [],
  )
  t.end()
})

t.test('what we publish is named by its type and id, and each of our extensions is published', t => {
  for (const { file, definition } of published) {
    t.equal(file, `${definition.resourceType}-${definition.id}.json`)
  }
  const urls = new Set(published.map(({ definition }) => definition.url))
  for (const url of Object.values(extensions)) t.ok(urls.has(url) && url.startsWith(canonicalBase), url)
  t.end()
})

t.test('what names codes of SNOMED CT or LOINC says whose they are', t => {
  const owners = { 'http://snomed.info/sct': 'SNOMED International', 'http://loinc.org': 'Regenstrief Institute' }
  for (const [system, owner] of Object.entries(owners)) {
    const naming = published.filter(({ definition }) => JSON.stringify(definition).includes(`"${system}"`))
    t.not(naming.length, 0, system)
    for (const { file, definition } of naming) t.match(definition, { copyright: owner }, file)
  }
  t.end()
})
