import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkProfiles } from '../../../src/fhir/profile/profiles.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'

const registry = loadRegistry()
const folder = join(import.meta.dirname, '..', '..', '..', 'node_modules', 'hl7.fhir.r4.examples')
const nothingStored = async () => undefined

/** These four claim the value set itself, or a profile that was never published. */
const unknown = [
  'ValueSet/endpoint-connection-type',
  'ValueSet/endpoint-payload-type',
  'ValueSet/provenance-history-agent-type',
  'ValueSet/provenance-history-record-activity',
]

t.test('every published example conforms to the profiles that it claims', async t => {
  const failures: [string, unknown][] = []
  let compared = 0
  for (const file of readdirSync(folder).filter(name => name.endsWith('.json'))) {
    const text = readFileSync(join(folder, file), 'utf8')
    if (!text.includes('"profile"')) continue
    const resource = JSON.parse(text)
    if (!Array.isArray(resource.meta?.profile)) continue
    compared += 1
    const issues = await checkProfiles(registry, resource, resource.meta.profile, nothingStored)
    const errors = issues.filter(({ severity }) => severity !== 'warning')
    if (errors.length > 0) failures.push([`${resource.resourceType}/${resource.id}`, errors])
  }
  t.ok(compared > 1900, `${compared} compared`)
  t.same(
    failures.map(([name]) => name),
    unknown,
  )
})

t.test('Extensions are distinguished by url, and conform to their own definitions', async t => {
  const url = 'https://example.org/StructureDefinition/born'
  const definition = {
    url,
    type: 'ResearchSubject',
    baseDefinition: 'http://hl7.org/fhir/StructureDefinition/ResearchSubject',
    differential: {
      element: [
        { id: 'ResearchSubject', path: 'ResearchSubject' },
        {
          id: 'ResearchSubject.extension',
          path: 'ResearchSubject.extension',
          slicing: { discriminator: [{ type: 'value', path: 'url' }], rules: 'closed' },
        },
        {
          id: 'ResearchSubject.extension:born',
          path: 'ResearchSubject.extension',
          sliceName: 'born',
          min: 1,
          max: '1',
          type: [{ code: 'Extension', profile: ['https://sharewell.dev/fhir/StructureDefinition/birth-year'] }],
        },
      ],
    },
  }
  const find = async (asked: string) => (asked === url ? definition : undefined)
  const check = async (...extension: readonly object[]) =>
    (await checkProfiles(registry, { resourceType: 'ResearchSubject', extension }, [url], find)).map(
      ({ expression, message }) => `${expression}: ${message.replace(url, 'it')}`,
    )
  const born = { url: 'https://sharewell.dev/fhir/StructureDefinition/birth-year', valueDate: '1980' }
  t.same(await check(born), [])
  t.same(await check(), ['ResearchSubject.extension: it needs 1 of ResearchSubject.extension:born, found 0'])
  t.same(await check(born, { url: 'urn:other', valueString: 'x' }), [
    'ResearchSubject.extension[1]: it allows only its own slices here',
  ])
  t.same(await check({ ...born, valueDate: undefined, valueString: '1980' }), [
    'ResearchSubject.extension[0].valueString: https://sharewell.dev/fhir/StructureDefinition/birth-year takes the types date here, not String',
  ])
})
