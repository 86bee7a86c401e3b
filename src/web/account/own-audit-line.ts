import type { AuditEvent, ResearchStudy } from '@medplum/fhirtypes'
import { appGrant } from '../../access/vocabulary.ts'
import { systems } from '../../fhir/canonical.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Key, Words } from '../../messages/catalogue.ts'
import { nobodyOfStaff } from '../../storage/audit/shown/recorded-part.ts'
import { commandLineClient } from '../../storage/authorization/client.ts'
import { titleIn } from '../../studies/definition/study-words.ts'
import { happenedIn, whoeverHadTheLink } from '../../studies/invitation/invitation-event.ts'
import { type AuditLine, auditLine, login } from '../audit/audit-line.ts'
import { thingsOf } from '../authorize/scope-sentence.ts'
import { type Html, html } from '../page/html.ts'
import { namedIn } from '../page/named-in.ts'
import { worded } from '../page/wording.ts'

/** Whoever reads it, as events name them. */
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
  /** Those that they may know. */
  readonly studies: readonly ResearchStudy[]
}

/** What an AuditEvent says to the patient themself, in their language. */
export const ownAuditLine = (event: AuditEvent, { words, classes, self, studies }: Telling): AuditLine => {
  const unnamed = words.say('disclosures.unnamed')
  const told = auditLine(event, { words, classes, typeName: type => typeName(type, words), unnamed })
  const line = { ...told, app: appOf(event, told, words), study: studyOf(event, told, studies) }
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

/** By reference, and by the identifier that an account has; FHIR lets no Person be an agent, which was not obeyed at first. */
const isBy = ({ person, records }: Self, { agent }: AuditEvent): boolean =>
  agent.some(
    ({ who }) =>
      (who?.identifier?.system === systems.account && who.identifier.value === person) ||
      [`Person/${person}`, ...records.map(id => `Patient/${id}`)].some(one => one === who?.reference),
  )

/** What is called by words of ours is so in their language. */
const whoIn = (who: string, { say }: Words): string => {
  const key = namedIn(ownWhos, who)
  return key === undefined ? who : say(key)
}

const ownWhos: Readonly<Record<string, Key>> = {
  [whoeverHadTheLink]: 'disclosures.link-holder',
  [nobodyOfStaff]: 'disclosures.no-staff',
}

/** Whoever did not get in has shown by nothing that they are who they said. */
const toldOfSignIn = ({ app }: AuditLine, { say }: Words): Pick<AuditLine, 'who' | 'app' | 'did'> => ({
  who: say('disclosures.somebody'),
  app,
  did: say('disclosures.tried-to-sign-in'),
})

/** With their token it was somebody else's server that did it; what they allowed it they did themselves. */
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

/** What is ours has words; an app has its name. */
const appOf = (event: AuditEvent, { app }: AuditLine, { say }: Words): string | undefined => {
  if (app === undefined) return undefined
  if (isOperators(event)) return say('disclosures.command-line')
  return app === ownPages ? say('disclosures.pages') : app
}

/** As the client of our own pages is called in the database. */
const ownPages = 'Pages of this server'

/** By reference those that have words for whoever reads it, the others as they were called then. */
const studyOf = ({ entity = [] }: AuditEvent, { study }: AuditLine, studies: readonly ResearchStudy[]) => {
  const named = entity.flatMap(({ what, name }) => {
    const reference = what?.reference ?? ''
    if (!reference.startsWith('ResearchStudy/')) return []
    return [studies.some(({ id }) => reference === `ResearchStudy/${id}`) ? reference : (name ?? reference)]
  })
  return named.length === 0 ? study : named.join(', ')
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
}

/** The studies of a line: by title those that the patient may know, in their language. */
export const studiesNamed = (line: string, studies: readonly ResearchStudy[], words: Words): Html =>
  html`${line.split(/(ResearchStudy\/[A-Za-z0-9.-]+)/).map(part => {
    const study = studies.find(({ id }) => part === `ResearchStudy/${id}`)
    return study === undefined ? part : worded(titleIn(study, words), words)
  })}`
