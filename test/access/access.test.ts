import t from 'tap'
import { type Access, restrict } from '../../src/access/access.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { all, type Expression, none } from '../../src/search/expression.ts'
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

t.test('what leads to a List, a whole or another resource is asked within what is allowed of these too', t => {
  const own: Expression = { kind: 'created', by: { kind: 'person', id: 'me' } }
  const within = print(own)
  const allowed: Access = (action, type) => (type === 'Observation' ? all : action === 's' ? own : none)
  t.equal(asked('_list=a', allowed), `(listed (and ${within} (identified a)))`)
  const below = parseSearch(registry, 'Location', new URLSearchParams('partof:below=Location/a')).where
  t.equal(
    print(restrict(allowed, 's', 'Location', below)),
    `(and ${within} (or (partof Location/a) (below partof Location/a ${within})))`,
  )
  const of = parseSearch(registry, 'Patient', new URLSearchParams('organization.name=b')).where
  const there: Expression = { kind: 'there', type: 'Patient', id: 'a', of }
  t.equal(
    print(restrict(allowed, 's', 'Observation', there)),
    `(there Patient/a (and ${within} (chain organization:Organization (and ${within} (name b)))))`,
  )
  const message = 'Searching within a Patient needs a scope for Patient with r or s'
  t.throws(() => restrict(to('Observation'), 's', 'Observation', there), { message })
  t.end()
})
