import type { AuditEvent, AuditEventAgent, AuditEventEntity } from '@medplum/fhirtypes'
import { systems } from '../../fhir/canonical.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Key, Words } from '../../messages/catalogue.ts'

/** What an AuditEvent says, in words. */
export type AuditLine = {
  readonly recorded: Date
  /** Undefined if an app did it for itself. */
  readonly who: string | undefined
  /** Whether `who` is a name, and no reference or identifier. */
  readonly isNamed: boolean
  /** All who did it, by reference or identifier, since two people or two apps may have the same name. */
  readonly agents: string
  readonly app: string | undefined
  readonly did: string
  /** Kinds of data, or else types of resources; `whats` has each of them, `what` all in a row. */
  readonly whats: readonly string[]
  readonly what: string
  /** The title of the token's study, or else of those whose consents allowed it; empty if the reader may know none. */
  readonly study: string | undefined
  /** References to them. */
  readonly studies: readonly string[]
  /** References to the versions of the Consents that allowed it. */
  readonly consents: readonly string[]
  readonly isRefused: boolean
  /** It was not refused, but something went wrong. */
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
  /** The name of a type of resources; undefined to use FHIR's. */
  readonly typeName: (type: string) => string | undefined
  /** What to call somebody without a name; absent: by reference or identifier. */
  readonly unnamed?: string
  /** Titles of studies that the reader may know, by reference. An event may name a study without its title. */
  readonly titles?: ReadonlyMap<string, string>
}

/** References to the studies that events name without their titles. */
export const untitledStudies = (events: readonly AuditEvent[]): readonly string[] => [
  ...new Set(
    events.flatMap(({ entity = [] }) =>
      entity.flatMap(({ what, name }) => (isStudy(what?.reference) && name === undefined ? [what.reference] : [])),
    ),
  ),
]

const isStudy = (reference: string | undefined): reference is string => reference?.startsWith('ResearchStudy/') === true

const isConsent = (reference: string | undefined): reference is string => reference?.startsWith('Consent/') === true

/** Of several studies, those that the reader may know are named. Undefined if there are none, empty if none may be known. */
export const studiesText = (titles: readonly (string | undefined)[], { say, list }: Words): string | undefined => {
  if (titles.length === 0) return undefined
  const named = titles.filter(title => title !== undefined)
  const others = named.length > 0 && named.length < titles.length ? [say('disclosures.other-study')] : []
  return list([...named, ...others])
}

export const auditLine = (event: AuditEvent, telling: Telling): AuditLine => {
  const { words, unnamed, titles } = telling
  const { recorded = '', agent, entity = [], outcome = '0', outcomeDesc, subtype = [] } = event
  const user = agent.find(one => one.requestor && !isApp(one) && (one.who !== undefined || one.name !== undefined))
  const app = agent.find(isApp)
  const [code] = subtype.flatMap(({ system, code }) => (system === restful || code === login ? [code ?? ''] : []))
  const references = entity.flatMap(({ what, name }) =>
    what?.reference === undefined ? [] : [{ reference: what.reference, name }],
  )
  const studies = references.filter(({ reference }) => isStudy(reference))
  const whats = code === undefined ? [] : whatsOf(event, telling)
  const query = entity.find(one => one.query !== undefined)?.query
  return {
    recorded: new Date(recorded),
    who: user && (user.name ?? unnamed ?? told(user)),
    isNamed: user?.name !== undefined,
    agents: agent.map(told).join(' '),
    app: app && (app.name ?? told(app)),
    did: code === undefined ? (outcomeDesc ?? '') : words.say(verbs[code] ?? 'disclosures.did'),
    whats,
    what: whats.join(', '),
    study: studiesText(
      studies.map(({ name, reference }) => name ?? titles?.get(reference)),
      words,
    ),
    studies: studies.map(({ reference }) => reference),
    consents: entity.flatMap(({ role, what }) =>
      role === undefined && isConsent(what?.reference) ? [what.reference] : [],
    ),
    isRefused: outcome !== '0',
    hasFailed: outcome === '8',
    about: entity.flatMap(aboutOf),
    patients: [...new Set(references.flatMap(patientIn))],
    query: query && Buffer.from(query, 'base64').toString('utf8'),
    request: entity.find(isRequest)?.what?.identifier?.value,
  }
}

const told = ({ who }: AuditEventAgent): string | undefined => who?.reference ?? who?.identifier?.value

/** Apps have identifiers. People have references, except for accounts. */
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
