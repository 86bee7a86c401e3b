import type { Consent, Patient } from '@medplum/fhirtypes'
import { granteeOf } from '../../access/consent.ts'
import { digestOf } from '../../fhir/attachment-digest.ts'
import { nameText } from '../../fhir/display-name.ts'
import type { Words } from '../../messages/catalogue.ts'
import { compartmentOf, compartmentsOf } from '../../storage/authorization/token.ts'
import { type Carer, referenceTo } from './care-draft.ts'
import { type CareGrantee, findCareGrantee } from './care-grantee.ts'
import { type CareLine, careLines } from './care-lines.ts'
import { type CareText, careText, isCareTextNow } from './care-text.ts'
import { type Choice, isStanding } from './own-consent.ts'
import { type OwnParts, type OwnRecord, openOwnRecord, registrarOf } from './own-record.ts'
import { type Sharing, sharingsIn } from './own-sharing.ts'

/** What somebody is shown who shares with an organization or a practitioner for their care. */
export type CareAsked = {
  readonly grantee: CareGrantee
  readonly record: OwnRecord
  /** The name of the organization where they are registered, whose people know them in any case. */
  readonly registrar: string | undefined
  /** Whose record it is, if the person acts for several. */
  readonly whose: string | undefined
  readonly lines: readonly CareLine[]
  /** Whether it is known that there are no readings of the kinds that are not their own. */
  readonly areAllKnown: boolean
  readonly text: CareText
  /** The Consent that stands; else the last that has ended or says no. */
  readonly consent: Consent | undefined
  readonly sharings: readonly Sharing[]
  /** Id of the Consent that can be shown as a copy: what was said after it, as a no, takes nothing from that. */
  readonly signed: string | undefined
  /** Whether another text was signed than the one of today. */
  readonly isSignedEarlier: boolean
}

/** A record for which the person may share. */
export type OfPerson = { readonly patient: string; readonly name: string; readonly record: OwnRecord }

/** One for each human whom the person is, or acts for. */
export const recordsOf = async (parts: OwnParts, person: string): Promise<readonly OfPerson[]> => {
  const all: OfPerson[] = []
  for (const patient of await compartmentsOf(parts.accounts.database, person)) {
    const record = await openOwnRecord(parts, person, patient)
    const own = await record?.read<Patient>('Patient', patient)
    if (record !== undefined && own !== undefined)
      all.push({ patient, record, name: nameText(own.name?.[0]) || patient })
  }
  return all
}

/**
 * The one of them who is meant: without a name for whom, the only one. Whoever is named and is none of them, as somebody for whom the person acted when
 * a page was opened, is nobody: what was chosen for one is not given, or stopped, for another.
 */
export const ofWhom = async (
  { accounts }: OwnParts,
  { person, people, named }: { readonly person: string; readonly people: readonly OfPerson[]; readonly named: string },
): Promise<OfPerson | undefined> => {
  if (named === '') return people.length === 1 ? people[0] : undefined
  const human = await compartmentOf(accounts.database, person, named)
  return people.find(({ patient }) => patient === human)
}

/** Undefined if there is nobody with whom to share, or who has ever been shared with. */
export const findCareAsked = async (
  parts: OwnParts,
  { record, name, isOne }: OfPerson & { readonly isOne: boolean },
  carer: Carer,
  words: Words,
): Promise<CareAsked | undefined> => {
  const grantee = await findCareGrantee(record, carer)
  const answers = await careAnswers(record, carer)
  const consent = answers.find(isStanding) ?? answers[0]
  if (grantee === undefined || (!grantee.isActive && consent === undefined)) return undefined
  const receiver = referenceTo(carer)?.reference
  const sharings = (await sharingsIn(parts, record, words)).filter(one => one.receiver === receiver)
  const hash = consent?.status === 'active' ? consent.sourceAttachment?.hash : undefined
  return {
    grantee,
    record,
    registrar: await registrarOf(record),
    whose: isOne ? undefined : name,
    ...(await careLines(parts, { record, sharings, words })),
    text: careText(grantee, words.code),
    consent,
    sharings,
    signed:
      answers.find(({ status }) => status === 'active')?.id ?? answers.find(({ status }) => status === 'inactive')?.id,
    isSignedEarlier: hash !== undefined && !isCareTextNow(hash, grantee),
  }
}

/** Their Consents to the grantee that stand, or are an answer, the last one first. */
export const careAnswers = async (record: OwnRecord, { kind, id }: Carer): Promise<readonly Consent[]> => {
  const query = { scope: 'patient-privacy', _sort: '-_lastUpdated', _count: '1000' }
  const all = await record.find<Consent>('Consent', query, record.ofHuman)
  const isAnswer = ({ status }: Consent) => answering.includes(status)
  return all.filter(one => {
    const to = granteeOf(one)
    return to?.kind === kind && to.id === id && isAnswer(one)
  })
}

/** To whom anything was ever given without a study, with the id of each Consent. */
export const careGranteesOf = async (
  record: OwnRecord,
): Promise<readonly { readonly carer: Carer; readonly consent: string }[]> => {
  const all = await record.find<Consent>('Consent', { scope: 'patient-privacy', _count: '1000' }, record.ofHuman)
  return all.flatMap(one => {
    const to = granteeOf(one)
    return to === undefined || to.kind === 'study' || !answering.includes(one.status)
      ? []
      : [{ carer: { kind: to.kind, id: to.id }, consent: one.id ?? '' }]
  })
}

/** A draft is none yet, and what was entered in error never was one. */
const answering: readonly (Consent['status'] | undefined)[] = ['proposed', 'active', 'inactive', 'rejected']

/**
 * Changes whenever the grantee says something else of itself, the text is another, or what was chosen has another name. What was not chosen may
 * change meanwhile, as when an app sends something new.
 */
export const digestOfCare = ({ grantee, text }: CareAsked, choices: readonly Choice[] = []): string => {
  const { name, contacts, organizations, isActive } = grantee
  const chosen = choices.filter(({ shares }) => shares).map(({ line }) => [line.name, line.what])
  const shown = [name, contacts, organizations, isActive, text.hash, chosen]
  return digestOf('sha256', Buffer.from(JSON.stringify(shown)).toString('base64'))
}
