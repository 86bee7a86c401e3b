import t from 'tap'
import { type Access, both, either, fullAccess, restrict } from '../../src/access/access.ts'
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
  t.equal(
    asked('subject.name=ann&status=final&_has:Provenance:target:agent.name=bob', access),
    '(and (chain subject:Patient (name ann)) (status final) (has Provenance:target (chain agent:Patient (name bob))))',
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
    ['_filter=subject:Location.name eq ann or status eq final', 'Location'],
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
  t.equal(
    asked('_has:DiagnosticReport:result:subject:Patient.name=b', allowed),
    `(has DiagnosticReport:result (and ${within} (chain subject:Patient (and ${within} (name b)))))`,
  )
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

t.test('what is not in the elements of a Group or a Provenance is told only of what the caller may see', t => {
  const read: Expression = { kind: 'created', by: { kind: 'person', id: 'reader' } }
  const searched: Expression = { kind: 'created', by: { kind: 'person', id: 'searcher' } }
  const [r, s] = [print(read), print(searched)]
  const within: Access = (action, type) => {
    if (type === 'Group' || type === 'Provenance' || type === 'DiagnosticReport') return all
    return action === 'r' ? read : action === 's' ? searched : none
  }
  const answered = (url: string, access = within) => {
    const [type, query] = url.split(/\?(.*)/) as ['Group' | 'Provenance' | 'DiagnosticReport', string]
    return print(restrict(access, 's', type, parseSearch(registry, type, new URLSearchParams(query)).where))
  }
  const expected = [
    ['Group?member=Patient/a', `(or (member Patient/a) (chain member:Patient (and ${s} (identified a))))`],
    ['Group?member=a', `(or (member a) (chain member:Patient (and ${s} (identified a))))`],
    ['Group?member=Device/a', '(member Device/a)'],
    ['Group?member=http://other.org/Patient/a', '(member http://other.org/Patient/a)'],
    [
      'Group?member=Patient/a,b,Device/c,http://other.org/d',
      `(or (member http://other.org/d) (member Patient/a) (member b) (member Device/c) (chain member:Patient (and ${s} (identified a b))))`,
    ],
    ['Group?member=Device/a,Device/b', '(or (member Device/a) (member Device/b))'],
    [
      'Group?_filter=member eq Patient/a or member ne Patient/b',
      `(or (or (member Patient/a) (chain member:Patient (and ${s} (identified a)))) (or (member ne Patient/b) (chain member:Patient (and ${s} (not (identified b))))))`,
    ],
    [
      'Group?_filter=member eq Patient/a or member eq b or managing-entity:Organization.name eq c',
      `(or (or (member Patient/a) (member b) (chain member:Patient (and ${s} (identified a b)))) (chain managing-entity:Organization (and ${s} (name eq c))))`,
    ],
    ['Group?member:missing=true', `(and (missing member) (not (chain member:Patient ${r})))`],
    [
      'Group?_filter=member ne Patient/a',
      `(or (member ne Patient/a) (chain member:Patient (and ${s} (not (identified a)))))`,
    ],
    ['Group?_filter=member ne Device/a', `(or (member ne Device/a) (chain member:Patient ${s}))`],
    ['Group?managing-entity=Organization/a', '(managing-entity Organization/a)'],
    ['Provenance?target=Observation/a', `(or (target Observation/a) (uploaded a ${r}))`],
    ['Provenance?target=a', `(or (target a) (uploaded a ${r}))`],
    ['Provenance?target=Patient/a', '(target Patient/a)'],
    ['Provenance?target=http://other.org/Observation/a', '(target http://other.org/Observation/a)'],
    ['Provenance?target:missing=true', `(and (missing target) (not (uploaded ${r})))`],
    [
      'Provenance?_filter=target ne Observation/a',
      `(or (target ne Observation/a) (uploaded (and ${r} (not (identified a)))))`,
    ],
    ['Provenance?_filter=target ne Patient/a', `(or (target ne Patient/a) (uploaded ${r}))`],
    ['Provenance?_filter=target ne http://other.org/a', `(or (target ne http://other.org/a) (uploaded ${r}))`],
    [
      'Provenance?target:Observation.code=x',
      `(or (chain target:Observation (and ${s} (code x))) (uploaded (and ${r} (and ${s} (code x)))))`,
    ],
    ['Provenance?target:Patient.name=x', `(chain target:Patient (and ${s} (name x)))`],
    ['Provenance?agent=Patient/a', '(agent Patient/a)'],
    ['DiagnosticReport?result=Observation/a', '(result Observation/a)'],
    ['DiagnosticReport?result=Observation/a,Observation/b', '(or (result Observation/a) (result Observation/b))'],
    ['DiagnosticReport?result:Observation.code=x', `(chain result:Observation (and ${s} (code x)))`],
  ] as const
  for (const [url, question] of expected) t.equal(answered(url), question, url)
  const nothing: Access = (_, type) => (type === 'Group' || type === 'Provenance' ? all : none)
  for (const [url, question] of [
    ['Group?member:missing=true', '(missing member)'],
    ['Provenance?target=Observation/a', '(target Observation/a)'],
    ['Provenance?target:missing=true', '(missing target)'],
  ] as const)
    t.equal(answered(url, nothing), question, url)
  t.end()
})

t.test(
  'within another resource one may ask if one may read or search it; both allow what each does, either what any does',
  t => {
    const there: Expression = { kind: 'there', type: 'Patient', id: 'a', of: all }
    const own: Expression = { kind: 'created', by: { kind: 'person', id: 'me' } }
    for (const one of ['r', 's'] as const) {
      const access: Access = (action, type) => (type === 'Observation' ? all : action === one ? own : none)
      t.equal(print(restrict(access, 's', 'Observation', there)), `(there Patient/a ${print(own)})`)
    }
    const mine: Access = () => own
    t.strictSame(both(fullAccess, mine)('r', 'Patient'), own)
    t.strictSame(both(mine, fullAccess)('r', 'Patient'), own)
    t.strictSame(both(mine, () => none)('r', 'Patient'), none)
    t.strictSame(either(mine, () => none)('r', 'Patient'), own)
    t.strictSame(either(() => none, mine)('r', 'Patient'), own)
    t.strictSame(either()('r', 'Patient'), none)
    t.end()
  },
)
