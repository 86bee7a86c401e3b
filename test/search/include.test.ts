import type { ResourceType } from '@medplum/fhirtypes'
import t from 'tap'
import { FhirError } from '../../src/fhir/error.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { type Include, parseInclude, possibleIncludes, possibleReverseIncludes } from '../../src/search/include.ts'
import { parseCriteria, parseSearch } from '../../src/search/parse.ts'

const registry = loadRegistry()

const shown = ({ kind, iterate, links, named }: Include): string =>
  `${kind}${iterate ? ' on' : ''}: ${links
    .map(({ source, parameter, targets }) => `${source}.${parameter.code} > ${targets.join(' ')}`)
    .join('; ')} (${named.join(' ')})`

const told = (type: ResourceType, query: string): string => {
  const [entry = ['', '']] = [...new URLSearchParams(query)]
  try {
    return shown(parseInclude(registry, [type], entry))
  } catch (error) {
    if (!(error instanceof FhirError)) throw error
    return error.message
  }
}

const table: readonly (readonly [ResourceType, string, string | RegExp])[] = [
  [
    'Observation',
    '_include=Observation:device',
    'include: Observation.device > Device DeviceMetric (Device DeviceMetric)',
  ],
  ['Observation', '_include=Observation:device:Device', 'include: Observation.device > Device (Device)'],
  [
    'Observation',
    '_include:iterate=Patient:link',
    'include on: Patient.link > Patient RelatedPerson (Patient RelatedPerson)',
  ],
  ['Observation', '_include:recurse=Patient:link:Patient', 'include on: Patient.link > Patient (Patient)'],
  ['Patient', '_revinclude=Observation:patient', 'revinclude: Observation.patient > Patient (Observation)'],
  ['Patient', '_revinclude=Observation:subject', 'revinclude: Observation.subject > Patient (Observation)'],
  ['Patient', '_include=Patient:*', /^include: Patient\.general-practitioner > .+; Patient\.link > .+ \(\)$/],
  ['Slot', '_include=*', 'include: Slot.schedule > Schedule ()'],
  ['Slot', '_revinclude=*', /^revinclude: .*Appointment\.slot > Slot; .*Provenance\.target > Slot.* \(\)$/],
  [
    'Observation',
    '_include=Patient:link',
    '"Patient:link" finds nothing here: it starts at Patient; link of Patient refers to Patient, RelatedPerson. Only _include:iterate follows from what was included',
  ],
  [
    'Patient',
    '_revinclude=Slot:schedule',
    '"Slot:schedule" finds nothing here: it does not lead to Patient; schedule of Slot refers to Schedule. Only _revinclude:iterate follows from what was included',
  ],
  ['Observation', '_include=Observation:device:Patient', /^"Observation:device:Patient" finds nothing here/],
  ['Observation', '_include=Observation:colour', /^Observation has no reference parameter "colour"; it has: .*subject/],
  ['Observation', '_include=Observation:code', /^Observation has no reference parameter "code"/],
  ['Observation', '_include=subject', /^"subject" is not of the form \[type\]:\[reference parameter\]/],
  ['Observation', '_include=Observation:', /^"Observation:" is not of the form/],
  ['Observation', '_include=Colour:subject', /^"Colour" is not a resource type of FHIR R4: an include is of the form/],
  [
    'Observation',
    '_include=Observation:subject:Patient:more',
    /^"Observation:subject:Patient:more" is not of the form/,
  ],
  ['Observation', '_include=', /^"" is not of the form/],
  ['Observation', '_include:all=*', 'The modifier ":all" is not supported for "_include"; supported: :iterate'],
]

for (const [type, query, expected] of table) {
  t.test(`${type}?${query}`, async t => {
    if (typeof expected === 'string') t.equal(told(type, query), expected)
    else t.match(told(type, query), expected)
  })
}

t.test('of several types that are searched together, each follows what concerns it', async t => {
  const types = ['Observation', 'Patient', 'Group', 'Slot'] as const
  const included = (type: ResourceType, query: string) =>
    parseSearch(registry, type, new URLSearchParams(query), { types }).include.map(shown)
  const links = '_include=Observation:device&_revinclude=Observation:subject'
  t.same(included('Observation', links), ['include: Observation.device > Device DeviceMetric (Device DeviceMetric)'])
  t.same(included('Patient', links), ['revinclude: Observation.subject > Patient (Observation)'])
  t.same(included('Group', links), ['revinclude: Observation.subject > Group (Observation)'])
  t.same(included('Slot', links), [])
  t.same(included('Slot', '_include=*'), ['include: Slot.schedule > Schedule ()'], 'a wildcard names no type')
  const onwards = '_include:iterate=Location:organization'
  for (const type of types)
    t.same(included(type, onwards), ['include on: Location.organization > Organization (Organization)'])
})

t.test('includes can be repeated, and are not criteria', async t => {
  const query = '_include=Observation:subject&_include=Observation:device&_revinclude=Provenance:target'
  const search = parseSearch(registry, 'Observation', new URLSearchParams(query))
  t.equal(search.include.length, 3)
  t.strictSame(
    new URLSearchParams([...search.applied.map(([...entry]) => entry)]).toString(),
    query.replaceAll(':', '%3A'),
  )
  t.throws(() => parseCriteria(registry, 'Observation', '_include=*'), /shapes an answer/)
  t.throws(() => parseCriteria(registry, 'Observation', '_revinclude:iterate=*'), /shapes an answer/)
})

t.test('every type names its links', async t => {
  t.strictSame(possibleIncludes(registry, 'Slot'), ['*', 'Slot:schedule'])
  t.ok(possibleReverseIncludes(registry, 'Patient').includes('Observation:subject'))
  t.notOk(possibleReverseIncludes(registry, 'Slot').includes('Observation:subject'))
})
