import t from 'tap'
import { backendScopeRefusal } from '../../src/access/backend-policy.ts'
import type { Caller } from '../../src/access/caller.ts'
import { parseScopes } from '../../src/access/scope.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { parseCriteria } from '../../src/search/parse.ts'

const registry = loadRegistry()
const caller: Caller = {
  principal: { kind: 'person', id: 'p' },
  client: { id: 'pages', policies: new Set() },
  organizations: ['lab'],
  administrator: false,
  scopes: parseScopes('user/*.cruds'),
}
const staff: Caller = { ...caller, practitioner: 'doc' }
const administrator: Caller = { ...caller, administrator: true }

const refusalTo = (by: Caller, text: string): string | undefined => {
  const [scope] = parseScopes(text)
  if (scope === undefined) throw new Error(`${text} is no scope`)
  return backendScopeRefusal(scope, {
    caller: by,
    organization: 'lab',
    registry,
    parseCriteria: (type, query) => parseCriteria(registry, type, query, { isOfItself: true }),
  })
}

t.test('who may see a type lets a service see it, and who may not does not, however the scope names it', async t => {
  const refused = (type: string) => `you may see no ${type} yourself, so you cannot let a service do it`
  for (const scope of ['system/Observation.rs', 'system/Patient.r', 'system/Observation.s?code=a', 'system/*.rs'])
    t.equal(refusalTo(staff, scope), undefined, scope)
  t.equal(refusalTo(administrator, 'system/Observation.r'), refused('Observation'))
  t.equal(refusalTo(administrator, 'system/Observation.s'), refused('Observation'))
  t.equal(refusalTo(administrator, 'system/Observation.rs?code=a'), refused('Observation'), 'not even some')
  t.equal(
    refusalTo(administrator, 'system/Subscription.c'),
    'you may write no Subscription yourself, so you cannot let a service do it',
  )
  t.match(refusalTo(administrator, 'system/*.rs'), /^you may see no \w+ yourself/)
  t.equal(refusalTo(administrator, 'system/Organization.rs'), undefined, 'they see all organizations')
})

t.test('what no service may do is not refused for it: the scope gives nothing', async t => {
  t.equal(refusalTo(staff, 'system/Patient.cud'), undefined)
  t.equal(refusalTo(administrator, 'system/Patient.cud'), undefined)
})

t.test('a scope of no type, or with a query that is none of the type, is refused to anybody', async t => {
  t.equal(refusalTo(staff, 'system/Nothing.rs'), 'Nothing is no type of resource')
  t.match(refusalTo(staff, 'system/Observation.rs?colour=red'), /"colour" is no search parameter of Observation/)
  t.match(refusalTo(staff, 'system/*.rs?code=a'), /"code" is no search parameter of/)
})
