import type { Patient } from '@medplum/fhirtypes'
import t from 'tap'
import { openSearching } from '../../support/searching.ts'

const { server, put, ordered } = await openSearching()
t.teardown(() => server.close())

const loinc = 'http://loinc.org'
const two = (number: number) => String(number).padStart(2, '0')
/** Three heart rates and one weight for each of them, each at a time of its own. */
const people = Array.from({ length: 130 }, (_, index) => index)
const family = (index: number) => (index < 100 ? 'Few' : 'Rest')
const patientOf = (index: number): Patient & { readonly id: string } => ({
  resourceType: 'Patient',
  id: `p${index}`,
  name: [{ family: family(index) }, { family: 'Common' }],
})
for (const index of people) {
  await put(
    patientOf(index),
    ...['8867-4', '8867-4', '8867-4', '29463-7'].map((code, at) => ({
      resourceType: 'Observation' as const,
      id: `o${index}-${at}`,
      status: 'final' as const,
      subject: { reference: `Patient/p${index}` },
      code: { coding: [{ system: loinc, code }] },
      effectiveDateTime: `2026-01-${two(1 + (at % 28))}T${two(index % 24)}:${two(index % 60)}:${two(at)}Z`,
      valueQuantity: { value: index },
    })),
  )
}

/** The search of each Patient alone, put together in order of time. */
const ofEach = async (chosen: readonly number[], query: string) => {
  const timeOf = new Map<string, string>()
  for (const index of chosen) {
    const url = `/fhir/Observation?patient=p${index}&${query}`
    const { entry = [] } = (await server.inject({ url, headers: { authorization: 'Bearer everything' } })).json()
    for (const { resource } of entry) timeOf.set(resource.id, resource.effectiveDateTime)
  }
  return timeOf
}

const cases: Readonly<Record<string, { readonly name: string; readonly of: readonly number[] }>> = {
  'nobody at the end of the chain': { name: 'Nobody', of: [] },
  'as many Patients as are asked one by one': { name: 'Few', of: people.slice(0, 100) },
  'a few Patients': { name: 'Rest', of: people.slice(100) },
  'more Patients than that': { name: 'Common', of: people },
}

for (const [title, { name, of }] of Object.entries(cases))
  for (const query of ['code=8867-4', 'code=8867-4&value-quantity=gt20', 'status=final', 'code=8867-4&_sort=-date'])
    t.test(`${title} have the Observations that each of them has, latest first: ${query}`, async t => {
      const timeOf = await ofEach(of, query)
      const found = await ordered(`Observation?patient.family=${name}&${query}&_count=50`)
      t.strictSame([...found].sort(), [...timeOf.keys()].sort())
      const times = found.map(id => timeOf.get(id) ?? '')
      t.strictSame(times, [...times].sort().reverse())
    })
