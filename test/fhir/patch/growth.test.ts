import t from 'tap'
import { FhirError } from '../../../src/fhir/error.ts'
import { parsePatch } from '../../../src/fhir/patch/patch.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'

const { structures } = loadRegistry()
const note = (letters: number) => ({ text: 'x'.repeat(letters) })
const patched = (body: unknown, resource: object) => {
  try {
    return parsePatch(structures, body, 33_554_432)(resource)
  } catch (error) {
    if (error instanceof FhirError) return [error.status, error.message]
    throw error
  }
}
const copied = (times: number) => Array(times).fill({ op: 'copy', from: '/note/0', path: '/note/-' })
const refusedAbove = (letters: number) => [
  413,
  `The change makes the resource larger than this server takes: as JSON it may have about ${letters} characters`,
]

t.test('a patch makes no resource larger than a body may be', async t => {
  const observation = { resourceType: 'Observation', note: [note(1_000_000)] }
  t.match(patched(copied(30), observation), { note: { length: 31 } })
  t.strictSame(patched(copied(40), observation), refusedAbove(33_554_432))
  const added = {
    name: 'operation',
    part: [
      { name: 'type', valueCode: 'add' },
      { name: 'path', valueString: 'Observation' },
      { name: 'name', valueString: 'note' },
      { name: 'value', part: [{ name: 'text', valueMarkdown: note(20_000_000).text }] },
    ],
  }
  const parameters = { resourceType: 'Parameters', parameter: [added, added] }
  t.strictSame(patched(parameters, observation), refusedAbove(33_554_432))
})

t.test('one that is larger already can be patched, and grows by little', async t => {
  const large = { resourceType: 'Observation', status: 'final', note: [note(40_000_000)] }
  t.match(patched([{ op: 'replace', path: '/status', value: 'amended' }], large), { status: 'amended' })
  t.strictSame(patched([{ op: 'add', path: '/note/-', value: note(20_000) }], large), refusedAbove(40_010_069))
})
