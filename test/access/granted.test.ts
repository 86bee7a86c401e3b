import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ResourceType } from '@medplum/fhirtypes'
import t from 'tap'
import type { Caller, ClientPolicy } from '../../src/access/caller.ts'
import { accessOf } from '../../src/access/rules.ts'
import { parseScopes } from '../../src/access/scope.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { parseCriteria } from '../../src/search/parse.ts'
import { print } from '../../src/search/print.ts'

/** Each type with a rule of its own, and one of each kind without: clinical, organizational, a definition. */
const types: readonly ResourceType[] = [
  'Observation',
  'Device',
  'Patient',
  'ResearchStudy',
  'Group',
  'ResearchSubject',
  'Consent',
  'Organization',
  'Practitioner',
  'PractitionerRole',
  'Person',
  'AuditEvent',
  'Subscription',
  'Binary',
  'Provenance',
  'Condition',
  'Location',
  'ValueSet',
]
/** The types that Binary and Provenance follow here. */
const followed: Readonly<Partial<Record<ResourceType, readonly ResourceType[]>>> = {
  Binary: ['ResearchSubject', 'DocumentReference'],
  Provenance: ['Consent'],
}

const patient = { principal: { kind: 'patient', id: 'ann' }, patient: 'ann' } as const
const staff = { principal: { kind: 'person', id: 'p' }, practitioner: 'doc' } as const
const client = { principal: { kind: 'client', id: 'app' } } as const
const app = (organization?: string, ...policies: readonly ClientPolicy[]): Caller['client'] => ({
  id: 'app',
  policies: new Set(policies),
  ...(organization === undefined ? {} : { organization }),
})
const recording = app(undefined, 'records-consent')
const unproven = { since: '2026-03-01T00:00:00Z', study: 'one', organization: 'lab' }
const callers: readonly (readonly [name: string, caller: Partial<Caller>])[] = [
  ['patient', patient],
  ['patient, by an app that records consents', { ...patient, client: recording }],
  ['patient, by an app that nobody has said is theirs', { ...patient, client: recording, unproven }],
  [
    'the same, where the patient has an account',
    { ...patient, client: recording, unproven: { ...unproven, isHeld: true } },
  ],
  ['staff', staff],
  ['staff, for one study', { ...staff, study: 'one' }],
  ['client of an organization', { ...client, client: app('lab') }],
  ['client of an organization, for one study', { ...client, client: app('lab'), study: 'one' }],
  ['client that submits data', { ...client, client: app(undefined, 'data-submission') }],
  ['client of an organization that submits data', { ...client, client: app('lab', 'data-submission') }],
  ['administrator', { principal: staff.principal, administrator: true }],
  ['person', { principal: staff.principal }],
]

const registry = loadRegistry()
const grantsOf = (caller: Partial<Caller>, type: ResourceType): readonly string[] => {
  const context = caller.principal?.kind === 'client' ? 'system' : 'user'
  const scopes = [type, ...(followed[type] ?? [])].map(one => `${context}/${one}.cruds`)
  const access = accessOf(
    {
      ...client,
      client: app(),
      administrator: false,
      organizations: [],
      scopes: parseScopes(scopes.join(' ')),
      ...caller,
    },
    registry,
    (type, query) => parseCriteria(registry, type, query),
  )
  const read = print(access('r', type))
  return (['r', 's', 'c', 'u', 'd'] as const).flatMap(action => {
    const granted = print(access(action, type))
    // Searching is written down where it is granted otherwise than reading.
    return granted === (action === 's' ? read : 'none') ? [] : [`${type}.${action} ${granted}`]
  })
}

t.test(
  'each kind of caller is granted what is written down, and nothing else (run with --update after a change of the rules)',
  t => {
    const text = callers
      .map(([name, caller]) => [`# ${name}`, ...types.flatMap(type => grantsOf(caller, type)), ''].join('\n'))
      .join('\n')
    const file = join(import.meta.dirname, 'granted.txt')
    if (process.argv.includes('--update')) writeFileSync(file, text)
    t.equal(text, readFileSync(file, 'utf8'), 'node test/access/granted.test.ts --update')
    t.end()
  },
)
