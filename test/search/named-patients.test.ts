import t from 'tap'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { namedPatients } from '../../src/search/named-patients.ts'
import { parseCriteria, parseSearch } from '../../src/search/parse.ts'

const registry = loadRegistry()
const named = (query: string) => namedPatients(parseCriteria(registry, 'Observation', query))

t.test('a search is about the Patients that its patient or subject names, and else may be about anyone', async t => {
  t.strictSame(named('patient=ann'), ['ann'])
  t.strictSame(named('subject=Patient/ann'), ['ann'])
  t.strictSame(named('subject=ann,Patient/bob'), ['ann', 'bob'])
  t.strictSame(named('code=8867-4&patient=ann&date=2026-03-01'), ['ann'])
  t.equal(named('subject=Group/ann'), undefined)
  t.equal(named('subject=Patient/ann,Group/all'), undefined)
  t.equal(named('subject=https://elsewhere.org/fhir/Patient/ann'), undefined)
  t.equal(named('performer=Patient/ann'), undefined)
  t.equal(named('patient:missing=true'), undefined)
  t.equal(named('subject:identifier=urn:x|ann'), undefined)
  t.equal(named('patient.name=ann'), undefined)
})

t.test('what only leaves out a Patient may be about anyone else', async t => {
  const filtered = (filter: string) =>
    namedPatients(parseSearch(registry, 'Observation', new URLSearchParams({ _filter: filter })).where)
  t.equal(filtered('not (patient eq ann)'), undefined)
  t.equal(filtered('patient ne ann'), undefined)
  t.strictSame(filtered('patient eq ann'), ['ann'])
})
