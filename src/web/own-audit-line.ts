import type { AuditEvent, ResearchStudy } from '@medplum/fhirtypes'
import type { CodeClasses } from '../fhir/code-class.ts'
import type { Key, Words } from '../messages/catalogue.ts'
import { happenedIn, whoeverHadTheLink } from '../studies/invitation-event.ts'
import { titleIn } from '../studies/study-words.ts'
import { type AuditLine, auditLine } from './audit-line.ts'
import { type Html, html } from './html.ts'
import { thingsOf } from './scope-sentence.ts'
import { worded } from './wording.ts'

type Telling = { readonly words: Words; readonly classes: CodeClasses }

/** What an AuditEvent says to the patient themself, in their language. */
export const ownAuditLine = (event: AuditEvent, { words, classes }: Telling): AuditLine => {
  const line = auditLine(event, { words, classes, typeName: type => typeName(type, words) })
  const happened = happenedIn(event)
  return {
    ...line,
    who: line.who === whoeverHadTheLink ? words.say('disclosures.link-holder') : line.who,
    app: line.app === ownPages ? words.say('disclosures.pages') : line.app,
    did: happened === undefined ? line.did : words.say(`disclosures.invitation-${happened}`),
  }
}

/** As the client of our own pages is called in the database. */
const ownPages = 'Pages of this server'

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
}

/** The studies of a line: by title those that the patient may know, in their language. */
export const studiesNamed = (line: string, studies: readonly ResearchStudy[], words: Words): Html =>
  html`${line.split(/(ResearchStudy\/[A-Za-z0-9.-]+)/).map(part => {
    const study = studies.find(({ id }) => part === `ResearchStudy/${id}`)
    return study === undefined ? part : worded(titleIn(study, words), words)
  })}`
