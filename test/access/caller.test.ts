import t from 'tap'
import { type Caller, isSameCaller, narrowedTo, onlyFindingStudies } from '../../src/access/caller.ts'
import { parseScopes, printScope } from '../../src/access/scope.ts'

const caller: Caller = {
  principal: { kind: 'person', id: 'p' },
  client: { id: 'app', policies: new Set() },
  practitioner: 'doc',
  organizations: ['lab'],
  administrator: false,
  scopes: parseScopes('user/*.cruds'),
}

t.test('a caller is narrowed to one study once: for another one nothing is left of their scopes', async t => {
  const narrowed = narrowedTo(caller, 'one')
  t.strictSame(narrowed, { ...caller, study: 'one' })
  t.strictSame(narrowedTo(narrowed, 'one'), narrowed)
  t.strictSame(narrowedTo(narrowed, 'two'), { ...caller, study: 'two', scopes: [] })
})

t.test('who may only find studies neither reads them nor finds anything else', async t => {
  t.strictSame(onlyFindingStudies(caller).scopes.map(printScope), ['user/ResearchStudy.s'])
})

t.test('a caller is the same as long as nothing changes that decides what they read', t => {
  t.ok(isSameCaller({ ...caller, tokenHash: Buffer.from('hash') }, { ...caller, organizations: ['lab', 'clinic'] }))
  const others: Readonly<Record<string, Caller | undefined>> = {
    nobody: undefined,
    'another patient': { ...caller, patient: 'pat' },
    'another practitioner': { ...caller, practitioner: 'nurse' },
    'other scopes': { ...caller, scopes: parseScopes('user/Patient.cruds') },
    'another policy': { ...caller, client: { ...caller.client, policies: new Set(['everything']) } },
    'an administrator': { ...caller, administrator: true },
    'one study': { ...caller, study: 'one' },
    'an app that is not confirmed': {
      ...caller,
      unproven: { since: '2026-05-01T10:00:00Z', study: 'one', organization: 'lab' },
    },
  }
  for (const [name, other] of Object.entries(others)) t.notOk(isSameCaller(caller, other), name)
  t.end()
})
