import type { AuditEvent, ResearchStudy } from '@medplum/fhirtypes'
import type { CodeClasses } from '../fhir/code-class.ts'
import type { Key, Words } from '../messages/catalogue.ts'
import { happenedIn, whoeverHadTheLink } from '../studies/invitation-event.ts'
import { type AuditLine, auditLine } from './audit-line.ts'
import { thingsOf } from './scope-sentence.ts'

type Telling = {
  readonly words: Words
  readonly classes: CodeClasses
  /** Those whose titles the patient may know. */
  readonly studies: readonly ResearchStudy[]
}

/** What an AuditEvent says to the patient themself, in their language. */
export const ownAuditLine = (event: AuditEvent, { words, classes, studies }: Telling): AuditLine => {
  const line = auditLine(event, { words, classes, typeName: type => typeName(type, words) })
  const happened = happenedIn(event)
  return {
    ...line,
    who: line.who === whoeverHadTheLink ? words.say('disclosures.link-holder') : line.who,
    app: line.app === ownPages ? words.say('disclosures.pages') : line.app,
    did: happened === undefined ? line.did : words.say(`disclosures.invitation-${happened}`),
    study: line.study?.replaceAll(/ResearchStudy\/([A-Za-z0-9.-]+)/g, (reference, id) =>
      titleOf(studies, id, words, reference),
    ),
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

const titleOf = (studies: readonly ResearchStudy[], id: string, { say }: Words, otherwise: string): string => {
  const study = studies.find(one => one.id === id)
  return study === undefined ? otherwise : (study.title ?? say('study.untitled'))
}
