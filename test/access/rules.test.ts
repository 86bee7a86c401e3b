import type { ResourceType } from '@medplum/fhirtypes'
import fc from 'fast-check'
import t from 'tap'
import type { Caller, ClientPolicy } from '../../src/access/caller.ts'
import { isDefinition } from '../../src/access/definition-type.ts'
import { accessOf, isGranted, reasonAgainst } from '../../src/access/rules.ts'
import { parseScopes } from '../../src/access/scope.ts'
import { FhirError } from '../../src/fhir/error.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import type { Action } from '../../src/search/expression.ts'
import { parseCriteria } from '../../src/search/parse.ts'
import { print } from '../../src/search/print.ts'

const registry = loadRegistry()

type Given = Partial<Caller> & { readonly policies?: readonly ClientPolicy[] }

const callerWith = (scope: string, { policies = [], ...more }: Given = {}): Caller => ({
  principal: { kind: 'client', id: 'app' },
  client: { id: 'app', policies: new Set(policies) },
  administrator: false,
  organizations: [],
  scopes: parseScopes(scope),
  ...more,
})

const kinds = {
  patient: { principal: { kind: 'patient', id: 'ann' }, patient: 'ann' },
  staff: { principal: { kind: 'person', id: 'p' }, person: { id: 'p' }, practitioner: 'doc' },
  launched: { principal: { kind: 'person', id: 'p' }, person: { id: 'p' }, practitioner: 'doc', patient: 'ann' },
  person: { principal: { kind: 'person', id: 'p' }, person: { id: 'p' } },
  administrator: { administrator: true },
  everything: { policies: ['everything'] },
  submitter: { policies: ['data-submission'] },
  client: {},
} as const satisfies Record<string, Given>

const access = (caller: Caller) => accessOf(caller, registry, (type, query) => parseCriteria(registry, type, query))
const asked = (kind: keyof typeof kinds, scope: string, action: Action, type: ResourceType) =>
  print(access(callerWith(scope, kinds[kind]))(action, type))

const isHealthData = (type: ResourceType): boolean =>
  ['Patient', 'Observation', 'Condition', 'Consent', 'ResearchSubject', 'QuestionnaireResponse', 'AuditEvent'].includes(
    type,
  )

t.test('a scope alone gives nothing, and neither does being a person without scopes', async t => {
  const anyType = fc.constantFrom(...registry.resourceTypes)
  const anyAction = fc.constantFrom<Action>('c', 'r', 'u', 'd', 's')
  const anyKind = fc.constantFrom(...(Object.keys(kinds) as (keyof typeof kinds)[]))
  fc.assert(fc.property(anyKind, anyAction, anyType, (kind, action, type) => asked(kind, '', action, type) === 'none'))
  fc.assert(
    fc.property(anyAction, anyType, (action, type) => {
      const contexts: readonly [keyof typeof kinds, string][] = [
        ['patient', 'system/*.cruds'],
        ['staff', 'system/*.cruds patient/*.cruds'],
        ['client', 'user/*.cruds patient/*.cruds'],
        ['everything', 'user/*.cruds patient/*.cruds'],
        ['administrator', 'patient/*.cruds'],
      ]
      return contexts.every(([kind, scope]) => asked(kind, scope, action, type) === 'none')
    }),
  )
  t.pass()
})

t.test('only a token that may do everything gets everything, and only within its scopes', async t => {
  t.equal(asked('everything', 'system/*.cruds', 'u', 'Consent'), 'all')
  t.equal(asked('everything', 'system/Patient.rs', 's', 'Patient'), 'all')
  t.equal(asked('everything', 'system/Patient.rs', 'c', 'Patient'), 'none')
  t.equal(asked('everything', 'system/Patient.rs', 's', 'Observation'), 'none')
  t.equal(asked('everything', 'system/Patient.s?gender=male', 's', 'Patient'), '(gender male)')
  for (const kind of ['patient', 'staff', 'launched', 'person', 'submitter', 'client', 'administrator'] as const)
    for (const type of registry.resourceTypes.filter(isHealthData))
      for (const action of ['c', 'r', 'u', 'd', 's'] as const)
        t.not(asked(kind, 'user/*.cruds patient/*.cruds system/*.cruds', action, type), 'all')
})

t.test('an administrator sees no health data', async t => {
  for (const type of registry.resourceTypes.filter(isHealthData))
    t.equal(
      asked('administrator', 'user/*.cruds', 's', type),
      type === 'AuditEvent' ? '(content of-the-installation)' : 'none',
      type,
    )
  t.equal(asked('administrator', 'user/*.cruds', 'c', 'AuditEvent'), 'none')
  t.equal(asked('administrator', 'user/*.cruds', 'c', 'Organization'), 'all')
  t.equal(asked('administrator', 'system/*.cruds', 'c', 'Organization'), 'all')
  t.equal(
    asked('administrator', 'user/*.cruds', 'c', 'Person'),
    '(and (content of-practitioners-only) (kept identifier))',
  )
})

t.test('patient scopes stay in the compartment, whoever has them', async t => {
  t.equal(asked('patient', 'patient/*.rs', 's', 'Observation'), '(compartment Patient/ann)')
  t.equal(
    asked('launched', 'patient/Observation.rs', 's', 'Observation'),
    '(and (compartment Patient/ann) (consented practitioner/doc s))',
  )
  t.equal(asked('patient', 'patient/*.rs', 's', 'Organization'), 'none', 'no wildcard reaches outside')
  t.equal(asked('patient', 'patient/Organization.rs', 's', 'Organization'), '(known-to ann)')
  t.equal(
    asked('patient', 'patient/*.rs', 's', 'Device'),
    '(and (compartment Patient/ann) (or source-device (compartment Patient/ann)))',
  )
  t.equal(asked('patient', 'patient/*.cruds', 's', 'Group'), 'none')
  t.equal(asked('patient', 'patient/*.cruds', 'u', 'Observation'), '(compartment Patient/ann)')
  const covered = '(or source-device (consented practitioner/doc s))'
  t.equal(
    asked('launched', 'patient/Device.rs', 's', 'Device'),
    `(and (or (compartment Patient/ann) source-device) ${covered})`,
  )
  t.equal(asked('launched', 'patient/*.rs', 's', 'Device'), `(and (compartment Patient/ann) ${covered})`)
})

t.test(
  'whoever has an account and acts as a patient reaches the data of that patient, whatever id the account has',
  async t => {
    const caller = callerWith('patient/*.rs user/*.rs', {
      principal: { kind: 'person', id: 'p' },
      person: { id: 'p' },
      patient: 'ann',
    })
    t.equal(print(access(caller)('s', 'Observation')), '(compartment Patient/ann)')
    t.equal(print(access(caller)('s', 'Person')), '(identified p)')
  },
)

t.test('scopes that come to the same rule ask it once', async t => {
  const own = '(compartment Patient/ann)'
  t.equal(asked('patient', 'patient/*.rs patient/Observation.rs user/*.rs', 's', 'Observation'), own)
  t.equal(asked('patient', 'patient/*.rs user/Observation.rs?code=http://loinc.org|8867-4', 's', 'Observation'), own)
  t.equal(
    asked('launched', 'user/*.rs user/Observation.rs patient/*.rs patient/Observation.rs', 's', 'Observation'),
    '(or (consented practitioner/doc s) (and (compartment Patient/ann) (consented practitioner/doc s)))',
  )
})

t.test('recording consent needs a scope of its own and a client with the policy', async t => {
  const recorder = { ...kinds.patient, policies: ['records-consent'] } as const
  const may = (scope: string, given: Given, action: Action) =>
    isGranted(access(callerWith(scope, given)), action, 'Consent')
  for (const action of ['c', 'u', 'd'] as const) {
    t.ok(may('patient/Consent.cruds', recorder, action))
    t.notOk(may('patient/*.cruds', recorder, action), 'a wildcard does not include it')
    t.notOk(may('user/*.cruds', recorder, action))
    t.notOk(may('patient/Consent.cruds', kinds.patient, action), 'an ordinary app')
  }
  t.ok(may('patient/*.rs', kinds.patient, 's'))
  t.notOk(may('user/Consent.cruds', kinds.staff, 'd'), 'staff do not delete')
})

t.test('an app that has taken up an invitation by itself finds what it may read', async t => {
  const unproven = { since: '2026-03-01T00:00:00Z', study: 'one', organization: 'lab' }
  const found = ['ResearchStudy', 'Organization', 'Device', 'ValueSet'] as const
  const scope = ['patient/*.rs', ...found.map(type => `patient/${type}.rs`)].join(' ')
  const may = access(callerWith(scope, { ...kinds.patient, unproven }))
  for (const type of ['Observation', 'Consent', ...found] as const) {
    t.not(print(may('r', type)), 'none', type)
    t.equal(print(may('s', type)), print(may('r', type)), type)
  }
})

t.test('granular scopes add up; an invalid search parameter gives nothing; other faults are not hidden', async t => {
  t.equal(
    asked('staff', 'user/Observation.s?status=final user/Observation.s?nonsense=1', 's', 'Observation'),
    '(and (consented practitioner/doc s) (status final))',
  )
  const broken = accessOf(callerWith('user/Observation.s?code=x', kinds.staff), registry, () => {
    throw new TypeError('broken')
  })
  t.throws(() => broken('s', 'Observation'), TypeError)
  const refused = accessOf(callerWith('user/Observation.s?code=x', kinds.staff), registry, () => {
    throw new FhirError('invalid', 'no')
  })
  t.equal(print(refused('s', 'Observation')), 'none')
})

t.test('a refusal names the scope that would be needed, or who may if somebody does', async t => {
  const reason = (kind: keyof typeof kinds, scope: string, action: Action, type: ResourceType) =>
    reasonAgainst(callerWith(scope, kinds[kind]), action, type)
  t.match(reason('patient', '', 's', 'Observation'), / patient\/Observation.s is needed/)
  t.match(reason('staff', 'user/*.rs', 'c', 'Group'), / user\/Group.c is needed/)
  t.match(reason('launched', 'launch patient/*.rs', 'u', 'Patient'), / patient\/Patient.u is needed/)
  t.match(reason('launched', 'patient/*.rs user/Group.rs', 'u', 'Patient'), / user\/Patient.u is needed/)
  t.match(reason('client', 'system/Patient.r?nonsense=1', 'r', 'Patient'), / system\/Patient.r is needed/)
  t.match(reason('staff', 'user/*.cruds', 'd', 'Consent'), /has the scope .* no Consent so: the patient alone/)
  t.match(reason('person', 'user/*.rs', 's', 'Group'), /has the scope .* may see no Group by it/)
  t.match(reason('staff', 'patient/*.rs', 'u', 'Patient'), / user\/Patient.u is needed/, 'of no patient')
  t.match(reason('launched', '', 'u', 'Patient'), / user\/Patient.u is needed/)
  const unproven = { since: '2026-03-01T00:00:00Z', study: 'one', organization: 'lab' }
  t.match(
    reasonAgainst(callerWith('patient/Patient.cruds', { ...kinds.patient, unproven }), 'u', 'Patient'),
    /has the scope .* came by an invitation alone: .* it does no such thing to Patient$/,
  )
})

t.test('with openid fhirUser, one can read who one is', async t => {
  const caller = callerWith('openid fhirUser', { ...kinds.staff, fhirUser: { type: 'Practitioner', id: 'doc' } })
  t.equal(print(access(caller)('r', 'Practitioner')), '(identified doc)')
  t.equal(print(access(caller)('s', 'Practitioner')), 'none')
  t.equal(print(access(caller)('r', 'Patient')), 'none', 'and nothing else with the same id')
})

t.test('membership gives nothing to a token that is narrowed to one study', async t => {
  const narrowed = callerWith('user/*.cruds', { ...kinds.staff, study: 'one' })
  t.equal(print(access(narrowed)('s', 'Patient')), '(staffed practitioner/doc patient study/one)')
  t.equal(print(access(narrowed)('s', 'Condition')), '(consented practitioner/doc s study/one)')
  t.equal(print(access(narrowed)('c', 'Patient')), 'none')
  t.equal(print(access(narrowed)('c', 'ResearchSubject')), '(staffed practitioner/doc request study/one)')
  for (const type of ['Organization', 'Practitioner', 'PractitionerRole'] as const)
    t.equal(print(access(narrowed)('s', type)), '(staffed practitioner/doc name study/one)', type)
  for (const type of ['ResearchStudy', 'Group'] as const)
    t.equal(print(access(narrowed)('s', type)), '(staffed practitioner/doc study study/one)', type)
})

t.test('a token that is narrowed to one study gives nothing to those whom no study knows', async t => {
  const scopes = 'user/*.cruds patient/*.cruds system/*.cruds'
  for (const kind of ['patient', 'person', 'administrator'] as const)
    for (const type of registry.resourceTypes)
      t.equal(print(access(callerWith(scopes, { ...kinds[kind], study: 'one' }))('s', type)), 'none', `${kind} ${type}`)
  const everything = access(callerWith(scopes, { ...kinds.everything, study: 'one' }))
  for (const type of registry.resourceTypes.filter(isHealthData)) t.equal(print(everything('s', type)), 'none', type)
})

t.test(
  'somebody signed in who is neither staff nor a patient has their own account, and what is there for everybody',
  async t => {
    const found = registry.resourceTypes
      .filter(type => !isDefinition(type))
      .flatMap(type => {
        const may = asked('person', 'user/*.rs', 's', type)
        return may === 'none' ? [] : [`${type} ${may}`]
      })
    t.strictSame(found.sort(), [
      'Device source-device',
      'Person (identified p)',
      'Provenance (and (content of-one-target) (names target:Device (and source-device source-device)))',
    ])
    for (const type of registry.resourceTypes)
      for (const action of ['c', 'u', 'd'] as const)
        t.equal(asked('person', 'user/*.cruds', action, type), 'none', type)
  },
)

t.test(
  'several scopes of one context and type become one condition within the rule, and allow as much as any of them',
  async t => {
    const hot = '(code loinc|8867-4)'
    const steps = '(code loinc|55423-8)'
    const scope = (code: string, context = 'patient') => `${context}/Observation.rs?code=http://loinc.org|${code}`
    const both = `${scope('8867-4')} ${scope('55423-8')}`
    t.equal(asked('patient', both, 's', 'Observation'), `(and (compartment Patient/ann) (or ${hot} ${steps}))`)
    t.equal(asked('patient', `${both} patient/Observation.r`, 'r', 'Observation'), '(compartment Patient/ann)')
    t.equal(
      asked('patient', `${both} patient/Observation.r`, 's', 'Observation'),
      `(and (compartment Patient/ann) (or ${hot} ${steps}))`,
    )
    t.equal(asked('launched', `${both} ${scope('8867-4', 'user')}`, 's', 'Observation').match(/\(and/g)?.length, 3)
    t.equal(
      asked('patient', 'patient/*.rs patient/Device.rs', 's', 'Device'),
      `(or ${asked('patient', 'patient/*.rs', 's', 'Device')} ${asked('patient', 'patient/Device.rs', 's', 'Device')})`,
      'a wildcard has a rule of its own',
    )
  },
)
