import t from 'tap'
import { type Access, restrict } from '../../src/access/access.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { all, none } from '../../src/search/expression.ts'
import { parseSearch } from '../../src/search/parse.ts'
import { print } from '../../src/search/print.ts'

const registry = loadRegistry()
const to =
  (...types: readonly string[]): Access =>
  (action, type) =>
    action === 's' && types.includes(type) ? all : none
const asked = (query: string, access: Access) =>
  print(restrict(access, 's', 'Observation', parseSearch(registry, 'Observation', new URLSearchParams(query)).where))

t.test('a chain that names no type leads to the types that may be searched', t => {
  const access = to('Observation', 'Patient', 'Provenance')
  t.equal(asked('subject.name=ann', access), '(chain subject:Patient (name ann))')
  t.equal(
    asked('subject.general-practitioner.name=ann', to('Observation', 'Patient', 'Practitioner')),
    '(chain subject:Patient (chain general-practitioner:Practitioner (name ann)))',
  )
  t.equal(
    asked('_has:Provenance:target:agent.name=ann', access),
    '(has Provenance:target (chain agent:Patient (name ann)))',
  )
  t.equal(asked('_filter=not (subject.name eq ann)', access), '(not (chain subject:Patient (name eq ann)))')
  t.end()
})

t.test('a chain that names another type, or leads to none of these, is refused', t => {
  const access = to('Observation', 'Patient')
  const refused = [
    ['subject:Location.name=ann', 'Location'],
    ['performer:Organization.name=ann', 'Organization'],
    ['subject.organization.name=ann', 'Organization'],
    ['encounter.class=AMB', 'Encounter'],
    ['_has:Provenance:target:agent.name=ann', 'Provenance'],
  ] as const
  const needed = (type: string) => new RegExp(`^Searching by ${type} needs a scope for ${type} with s$`)
  for (const [query, type] of refused) t.throws(() => asked(query, access), { message: needed(type) }, query)
  t.throws(() => asked('subject.name=ann', to('Observation')), { message: /^Searching by \w+ needs a scope/ })
  t.end()
})
