import t from 'tap'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { requireValidChange } from '../../../src/fhir/validate/valid-change.ts'

const registry = loadRegistry()
const stored = { resourceType: 'Patient', managingOrganization: { reference: 'Nothing/1' } }

t.test('a reference that was stored before and names nothing does not prevent other changes', async t => {
  const changed = { ...stored, active: true }
  t.equal(requireValidChange(registry, stored, changed), changed)
})

t.test('another that names nothing is refused', async t => {
  const changed = { ...stored, generalPractitioner: [{ reference: 'Nothing/2' }] }
  t.throws(() => requireValidChange(registry, stored, changed), { message: /^expected a URL, relative/ })
})
