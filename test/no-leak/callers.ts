import type { TokenRequest } from '../../src/storage/authorization/token.ts'
import type { Reader } from './expected.ts'
import { heartRate, patients, practitioners, spellings, weight } from './facts.ts'

/** A kind of caller: which token to ask for, and in plain words what it means. */
export type CallerRow = {
  readonly name: string
  /** Absent: no token at all. */
  readonly token?: Pick<TokenRequest, 'subject' | 'scope'> & Partial<TokenRequest>
  readonly reader: Reader
  /** What the scopes allow; absent: whatever the reader may do. */
  readonly lets?: Lets
}

/** Only Observations, unless `all`; only those of all these kinds, of which one is their own. */
type Lets = {
  readonly actions: string
  readonly all?: true
  readonly kinds?: readonly string[]
  /** Only in this patient's compartment. */
  readonly patient?: string
}

const user = (practitioner: string, scope = 'user/*.cruds', more: Partial<TokenRequest> = {}) => ({
  subject: { kind: 'user' as const, person: `person-${practitioner}` },
  scope,
  ...more,
})

const researcher = { kind: 'practitioner', id: 'researcher' } as const

const scoped = (scope: string, lets: Lets): CallerRow => ({
  name: `the researcher by ${scope}`,
  token: user('researcher', scope),
  reader: researcher,
  lets,
})

const nothing: Lets = { actions: '' }

const client = (name: string, organization: string | undefined, more: Partial<TokenRequest> = {}): CallerRow => ({
  name: `client-${name}`,
  token: { subject: { kind: 'client' }, client: name, scope: 'system/*.cruds', ...more },
  reader: {
    kind: 'client',
    ...(organization === undefined ? {} : { organization }),
    ...(more.study === undefined ? {} : { study: more.study }),
  },
})

/** Backend clients by id, with their organization and their standing policies. */
export const clients: readonly { id: string; organization?: string; policies: readonly 'data-submission'[] }[] = [
  { id: 'of-lab', organization: 'lab', policies: [] },
  { id: 'of-elsewhere', organization: 'elsewhere', policies: [] },
  { id: 'of-university', organization: 'university', policies: [] },
  { id: 'of-nobody', policies: [] },
  { id: 'submitting', policies: ['data-submission'] },
]

export const callers: readonly CallerRow[] = [
  { name: 'no token', reader: { kind: 'none' } },
  ...practitioners.map((id): CallerRow => ({ name: id, token: user(id), reader: { kind: 'practitioner', id } })),
  ...patients.map(
    ([id]): CallerRow => ({
      name: id,
      token: { subject: { kind: 'patient', patient: id }, scope: 'user/*.cruds' },
      reader: { kind: 'patient', id },
    }),
  ),
  {
    name: 'person-ann',
    token: { subject: { kind: 'user', person: 'person-ann' }, scope: 'user/*.rs' },
    reader: { kind: 'patient', id: 'ann' },
  },
  ...clients.map(({ id, organization }) => client(id, organization)),
  { ...client('of-lab', 'lab', { study: 'coded' }), name: 'client-of-lab, narrowed to coded' },
  {
    name: 'administrator',
    token: { subject: { kind: 'administrator' }, scope: 'user/*.cruds system/*.cruds' },
    reader: { kind: 'none' },
  },
  {
    name: 'everything',
    token: { subject: { kind: 'client' }, client: 'of-nobody', scope: 'system/*.cruds', policies: ['everything'] },
    reader: { kind: 'everything' },
  },
  {
    name: 'everything, narrowed to a study',
    token: {
      subject: { kind: 'client' },
      client: 'of-nobody',
      scope: 'system/*.cruds',
      policies: ['everything'],
      study: 'open',
    },
    reader: { kind: 'none' },
  },
  ...['open', 'coded'].map(
    (study): CallerRow => ({
      name: `the researcher, narrowed to ${study}`,
      token: user('researcher', 'user/*.cruds', { study }),
      reader: { ...researcher, study },
      lets: { actions: 'rs' },
    }),
  ),
  {
    name: 'ann, narrowed to a study',
    token: { subject: { kind: 'patient', patient: 'ann' }, scope: 'user/*.cruds', study: 'open' },
    reader: { kind: 'none' },
  },
  ...spellings.map(([system, code]) =>
    scoped(`user/Observation.rs?code=${system}|${code}`, { actions: 'rs', kinds: [heartRate] }),
  ),
  scoped('user/Observation.rs?code=http://purl.bioontology.org/ontology/SNOMEDCT/78564009', {
    actions: 'rs',
    kinds: [heartRate],
  }),
  scoped('user/Observation.rs?code=omh:heart-rate user/Observation.rs?code=omh:body-weight', {
    actions: 'rs',
    kinds: [heartRate, weight],
  }),
  scoped('user/Observation.r?code=omh:body-weight', { actions: 'r', kinds: [weight] }),
  scoped('user/Observation.s', { actions: 's' }),
  scoped('user/Observation.read', { actions: 'rs' }),
  scoped('user/*.read', { actions: 'rs', all: true }),
  scoped('user/Observation.write', nothing),
  scoped('user/Observation.cud', nothing),
  scoped('user/Observation.sr', nothing),
  scoped('user/Observation.rs?nonsense=1', nothing),
  scoped('user/Observation.rs?_count=1', nothing),
  scoped('user/Observation.rs?', nothing),
  scoped('user/Observation.rs?code', nothing),
  scoped('user/Observation.rs?subject:Patient.family=secret-ann', nothing),
  scoped('user/Observation.rs?patient._has:Observation:patient:code=omh:blood-pressure', nothing),
  scoped('user/observation.rs', nothing),
  scoped('user/Observation.rs,user/Patient.rs', nothing),
  scoped('system/*.cruds', nothing),
  scoped('patient/*.rs', nothing),
  scoped('launch/patient openid', nothing),
  {
    name: 'the researcher, launched for ann',
    token: user('researcher', 'patient/*.rs', {
      subject: { kind: 'user', person: 'person-researcher', launchPatient: 'ann' },
    }),
    reader: researcher,
    lets: { actions: 'rs', patient: 'ann' },
  },
  {
    name: 'the visitor, launched for ann',
    token: user('visitor', 'patient/*.rs', {
      subject: { kind: 'user', person: 'person-visitor', launchPatient: 'ann' },
    }),
    reader: { kind: 'practitioner', id: 'visitor' },
    lets: { actions: 'rs', patient: 'ann' },
  },
  // Staff with an app that belongs to none of their organizations: it gets nothing of what they see.
  {
    name: 'the researcher, by an app of another organization',
    token: user('researcher', 'user/*.cruds', { client: 'of-elsewhere' }),
    reader: { kind: 'none' },
  },
  {
    name: 'the researcher, launched for ann by an app of another organization',
    token: user('researcher', 'patient/*.cruds', {
      subject: { kind: 'user', person: 'person-researcher', launchPatient: 'ann' },
      client: 'of-elsewhere',
    }),
    reader: { kind: 'none' },
  },
  {
    name: 'the researcher, launched for ann by an app that registered itself',
    token: user('researcher', 'patient/*.cruds', {
      subject: { kind: 'user', person: 'person-researcher', launchPatient: 'ann' },
      client: 'stranger',
    }),
    reader: { kind: 'none' },
  },
  {
    name: 'ann, of one kind',
    token: { subject: { kind: 'patient', patient: 'ann' }, scope: 'patient/Observation.rs?code=omh:body-weight' },
    reader: { kind: 'patient', id: 'ann' },
    lets: { actions: 'rs', kinds: [weight] },
  },
]
