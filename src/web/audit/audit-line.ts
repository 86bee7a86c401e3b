import type { AuditEvent, AuditEventAgent, AuditEventEntity } from '@medplum/fhirtypes'
import { systems } from '../../fhir/canonical.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Key, Words } from '../../messages/catalogue.ts'

/** What an AuditEvent says, in words of a language. */
export type AuditLine = {
  readonly recorded: Date
  /** Undefined where it was an app for itself. */
  readonly who: string | undefined
  /** All who did it, by reference or identifier: two people, or two apps, may have one name. */
  readonly agents: string
  readonly app: string | undefined
  readonly did: string
  /** Kinds of data, else types of resources; one by one, and in a row. */
  readonly whats: readonly string[]
  readonly what: string
  /** By title: the token's, else those whose consents allowed it. */
  readonly study: string | undefined
  /** The Consents that allowed it, each as a reference to the version. */
  readonly consents: readonly string[]
  readonly isRefused: boolean
  /** Not because somebody may not, but because something went wrong. */
  readonly hasFailed: boolean
  /** Whatever else it names, by reference, identifier or name. */
  readonly about: readonly string[]
  /** Ids of the Patients who are named in it. */
  readonly patients: readonly string[]
  /** The search that was asked. */
  readonly query: string | undefined
  /** Id of the request in which it was done. */
  readonly request: string | undefined
}

type Telling = {
  readonly words: Words
  readonly classes: CodeClasses
  /** What a type of resources is called; undefined for those that are called as FHIR does. */
  readonly typeName: (type: string) => string | undefined
  /** What whoever has no name is called; absent: by reference or identifier. */
  readonly unnamed?: string
}

export const auditLine = (event: AuditEvent, telling: Telling): AuditLine => {
  const { words, unnamed } = telling
  const { recorded = '', agent, entity = [], outcome = '0', outcomeDesc, subtype = [] } = event
  const user = agent.find(one => one.requestor && !isApp(one) && (one.who !== undefined || one.name !== undefined))
  const app = agent.find(isApp)
  const [code] = subtype.flatMap(({ system, code }) => (system === restful || code === login ? [code ?? ''] : []))
  const references = entity.flatMap(({ what, name }) =>
    what?.reference === undefined ? [] : [{ reference: what.reference, name }],
  )
  const studies = references.filter(({ reference }) => reference.startsWith('ResearchStudy/'))
  const whats = code === undefined ? [] : whatsOf(event, telling)
  const query = entity.find(one => one.query !== undefined)?.query
  return {
    recorded: new Date(recorded),
    who: user && (user.name ?? unnamed ?? told(user)),
    agents: agent.map(told).join(' '),
    app: app && (app.name ?? told(app)),
    did: code === undefined ? (outcomeDesc ?? '') : words.say(verbs[code] ?? 'disclosures.did'),
    whats,
    what: whats.join(', '),
    study: studies.length === 0 ? undefined : studies.map(({ name, reference }) => name ?? reference).join(', '),
    consents: entity.flatMap(({ type, what }) => (type?.code === 'Consent' ? [what?.reference ?? ''] : [])),
    isRefused: outcome !== '0',
    hasFailed: outcome === '8',
    about: entity.flatMap(aboutOf),
    patients: [...new Set(references.flatMap(patientIn))],
    query: query && Buffer.from(query, 'base64').toString('utf8'),
    request: entity.find(isRequest)?.what?.identifier?.value,
  }
}

const told = ({ who }: AuditEventAgent): string | undefined => who?.reference ?? who?.identifier?.value

/** People are referred to, but for accounts. */
const isApp = ({ who }: AuditEventAgent): boolean =>
  who?.identifier !== undefined && who.identifier.system !== systems.account

const isRequest = ({ type }: AuditEventEntity): boolean => type?.code === 'XrequestId'

const aboutOf = (entity: AuditEventEntity): readonly string[] => {
  const { what, name } = entity
  const { reference, identifier } = what ?? {}
  const text = name ?? reference ?? identifier?.value
  return text === undefined || isRequest(entity) || /^(Patient|ResearchStudy|Consent)\//.test(reference ?? '')
    ? []
    : [text]
}

const patientIn = ({ reference }: { readonly reference: string }): readonly string[] =>
  reference.startsWith('Patient/') ? [reference.slice('Patient/'.length)] : []

const restful = 'http://hl7.org/fhir/restful-interaction'
/** DICOM's code for signing in. */
export const login = '110122'

const verbs: Readonly<Record<string, Key>> = {
  [login]: 'disclosures.signed-in',
  read: 'disclosures.read',
  vread: 'disclosures.read',
  'history-instance': 'disclosures.read',
  'history-type': 'disclosures.read',
  'search-type': 'disclosures.searched',
  'search-system': 'disclosures.searched',
  create: 'disclosures.wrote',
  update: 'disclosures.changed',
  patch: 'disclosures.changed',
  delete: 'disclosures.deleted',
}

const whatsOf = ({ entity = [] }: AuditEvent, { words, classes, typeName }: Telling): readonly string[] => {
  const displays = new Map(classes.kinds().map(({ key, display }) => [key, display]))
  const kinds = entity.flatMap(({ detail = [] }) =>
    detail.flatMap(({ type, valueString }) => (type === 'kind' && valueString !== undefined ? [valueString] : [])),
  )
  const named = kinds.map(key => words.kind(key, displays.get(key) ?? key))
  const types = entity.flatMap(({ description }) => description?.split(' ') ?? [])
  const others = types.filter(type => type !== 'Observation' || named.length === 0).map(type => typeName(type) ?? type)
  return [...named, ...others]
}
