import type { AuditEvent, ResearchStudy } from '@medplum/fhirtypes'
import { appGrant } from '../../access/vocabulary.ts'
import { systems } from '../../fhir/canonical.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Key, Words } from '../../messages/catalogue.ts'
import { nobodyOfStaff } from '../../storage/audit/shown/recorded-part.ts'
import { commandLineClient } from '../../storage/authorization/client.ts'
import { sponsorOf } from '../../studies/definition/study-sponsor.ts'
import { staffOf } from '../../studies/definition/study-staff.ts'
import { titleIn } from '../../studies/definition/study-words.ts'
import { happenedIn, whoeverHadTheLink } from '../../studies/invitation/invitation-event.ts'
import { type AuditLine, auditLine, login, studiesText } from '../audit/audit-line.ts'
import { thingsOf } from '../authorize/scope-sentence.ts'
import { type Html, html } from '../page/html.ts'
import { namedIn } from '../page/named-in.ts'
import { staffRoleKey } from '../page/staff-role-key.ts'
import { worded } from '../page/wording.ts'

/** The reader, as events name them. */
type Self = {
  /** Id of the Person. */
  readonly person: string
  /** Ids of all Patients that they are. */
  readonly records: readonly string[]
}

type Telling = {
  readonly words: Words
  readonly classes: CodeClasses
  readonly self: Self
  /** The studies that they may know of. */
  readonly studies: readonly ResearchStudy[]
  /** The names of the organizations of these, by id. */
  readonly organizations: ReadonlyMap<string, string>
}

/** What an AuditEvent says to the patient themself, in their language. */
export const ownAuditLine = (event: AuditEvent, telling: Telling): AuditLine => {
  const { words, classes, self, studies } = telling
  const unnamed = unnamedIn(event, telling)
  const told = auditLine(event, { words, classes, typeName: type => typeName(type, words), unnamed })
  const did = isInVain(event, told) ? words.say('disclosures.searched-in-vain') : told.did
  const line = { ...told, did, app: appOf(event, told, telling), study: studyOf(event, studies, words) }
  const isSignIn = event.subtype?.some(({ code }) => code === login) === true
  if (isSignIn && line.isRefused) return { ...line, ...toldOfSignIn(line, words) }
  if (isBy(self, event)) return { ...line, ...toldOfOwn(event, line, words) }
  const happened = happenedIn(event)
  return {
    ...line,
    who: line.who && whoIn(line.who, words),
    did: happened === undefined ? line.did : words.say(`disclosures.invitation-${happened}`),
  }
}

/**
 * Whether somebody of a study looked for readings and was shown none: each that is shown to them is recorded with its kind, since consents are to
 * kinds. What others may see, as the patient's own apps, may have none.
 */
const isInVain = (
  { agent, entity = [], subtype = [] }: AuditEvent,
  { isRefused }: Pick<AuditLine, 'isRefused'>,
): boolean =>
  !isRefused &&
  subtype.some(({ code }) => code === 'search-type') &&
  agent.some(({ who }) => namedId(who, 'Practitioner') !== undefined) &&
  entity.some(({ description }) => description === 'Observation') &&
  !entity.some(({ detail = [] }) => detail.some(({ type }) => type === 'kind'))

/**
 * Whoever has given no name is told of by what their study says of them. If no study names them as its staff, they could only read for one as
 * somebody of its organization.
 */
const unnamedIn = (event: AuditEvent, telling: Telling): string => {
  const { words, studies } = telling
  const { agent } = event
  const { say } = words
  const id = agent.map(({ who }) => namedId(who, 'Practitioner')).find(one => one !== undefined)
  if (id === undefined) return say('disclosures.unnamed')
  for (const study of studies) {
    const entry = staffOf(study).find(({ practitioner }) => practitioner === id)
    if (entry === undefined) continue
    return say('disclosures.unnamed-staff', { role: say(staffRoleKey(entry.role)), study: titleIn(study, words).text })
  }
  const organization = readFor(event, telling)
  return organization === undefined ? say('disclosures.unnamed') : say('disclosures.unnamed-of', { organization })
}

/** The name of the organization for whose study it was done. */
const readFor = ({ entity = [] }: AuditEvent, { studies, organizations }: Telling): string | undefined => {
  const study = studies.find(({ id }) => entity.some(({ what }) => what?.reference === `ResearchStudy/${id}`))
  return organizations.get((study && sponsorOf(study)) ?? '')
}

/** Whether they did it, by reference or by the identifier of their account. In FHIR, no Person can be an agent, which was not obeyed at first. */
const isBy = ({ person, records }: Self, { agent }: AuditEvent): boolean =>
  agent.some(
    ({ who }) =>
      (who?.identifier?.system === systems.account && who.identifier.value === person) ||
      [`Person/${person}`, ...records.map(id => `Patient/${id}`)].some(one => one === who?.reference),
  )

/** Names that are words of ours are shown in their language. */
const whoIn = (who: string, { say }: Words): string => {
  const key = namedIn(ownWhos, who)
  return key === undefined ? who : say(key)
}

const ownWhos: Readonly<Record<string, Key>> = {
  [whoeverHadTheLink]: 'disclosures.link-holder',
  [nobodyOfStaff]: 'disclosures.no-staff',
}

/** Somebody who failed to sign in has not proved who they are. */
const toldOfSignIn = ({ app }: AuditLine, { say }: Words): Pick<AuditLine, 'who' | 'app' | 'did'> => ({
  who: say('disclosures.somebody'),
  app,
  did: say('disclosures.tried-to-sign-in'),
})

/** With their token, somebody else's server did it; but what they allowed it, they did themselves. */
const toldOfOwn = (
  event: AuditEvent,
  { app = '' }: AuditLine,
  { say }: Words,
): Pick<AuditLine, 'who' | 'app'> & Partial<Pick<AuditLine, 'did'>> => {
  const did = allowings[event.subtype?.find(({ system }) => system === appGrant)?.code ?? '']
  if (did !== undefined) return { who: say('disclosures.you'), app: undefined, did: say(did, { app }) }
  return isOperators(event)
    ? { who: undefined, app }
    : { who: say('disclosures.through-your-app', { app }), app: undefined }
}

const allowings: Readonly<Record<string, Key>> = {
  given: 'disclosures.app-given',
  narrowed: 'disclosures.app-narrowed',
  refused: 'disclosures.app-refused',
  revoked: 'disclosures.app-revoked',
}

const isOperators = ({ agent }: AuditEvent): boolean =>
  agent.some(({ who }) => who?.identifier?.value === commandLineClient)

/** Our own clients have words, apps have their names. One that does something for a study without a person is a service of its organization. */
const appOf = (event: AuditEvent, { app, who }: AuditLine, telling: Telling): string | undefined => {
  const { say } = telling.words
  if (app === undefined) return undefined
  if (isOperators(event)) return say('disclosures.command-line')
  if (app === ownPages) return say('disclosures.pages')
  const organization = who === undefined ? readFor(event, telling) : undefined
  return organization === undefined ? app : say('disclosures.service', { app, organization })
}

/** The name of our own pages' client in the database. */
const ownPages = 'Pages of this server'

/** Studies that the reader may know by reference, so that they get words; the others by the name that they had then. */
const studyOf = ({ entity = [] }: AuditEvent, studies: readonly ResearchStudy[], words: Words): string | undefined => {
  const named = entity.flatMap(({ what, name }) => {
    const reference = what?.reference ?? ''
    if (!reference.startsWith('ResearchStudy/')) return []
    return [studies.some(({ id }) => reference === `ResearchStudy/${id}`) ? reference : name]
  })
  return studiesText(named, words)
}

const typeName = (type: string, words: Words): string => {
  const key = ownTypeNames[type]
  return key === undefined ? thingsOf(words, type) : words.say(key)
}

const ownTypeNames: Readonly<Record<string, Key>> = {
  Observation: 'disclosures.readings',
  Patient: 'disclosures.patient',
  Consent: 'disclosures.consent',
  ResearchSubject: 'disclosures.subject',
  ResearchStudy: 'disclosures.study-itself',
  Device: 'disclosures.device',
  AuditEvent: 'disclosures.audit',
  Organization: 'disclosures.organization',
  Binary: 'disclosures.file',
  Provenance: 'disclosures.origin',
}

/** The studies of a line; those that the patient may know by their titles, in the patient's language. */
export const studiesNamed = (line: string, studies: readonly ResearchStudy[], words: Words): Html =>
  html`${line.split(/(ResearchStudy\/[A-Za-z0-9.-]+)/).map(part => {
    const study = studies.find(({ id }) => part === `ResearchStudy/${id}`)
    return study === undefined ? part : worded(titleIn(study, words), words)
  })}`
