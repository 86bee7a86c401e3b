import type { Consent } from '@medplum/fhirtypes'
import { studyNamed } from '../../access/consent-study.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Words } from '../../messages/catalogue.ts'
import { compartmentsOf } from '../../storage/authorization/token.ts'
import { type OpenPermit, openPermitsOf } from '../../storage/study/open-permits.ts'
import { namesOfDevices, type OwnParts, type OwnRecord, openOwnRecord } from './own-record.ts'
import { type SharedLine, sharedLines } from './shared-line.ts'

/** What somebody has given by one Consent: not as the Consent says it, but as the gate enforces it. */
export type Sharing = {
  /** The same Patient for all records of one human. */
  readonly human: string
  /** The record by which it was given. */
  readonly record: OwnRecord
  readonly consent: Consent
  /** `ResearchStudy/x`, or whoever else it names; undefined if that cannot be told. */
  readonly receiver: string | undefined
  /** What it opens now; empty if nobody reads anything by it. */
  readonly lines: readonly SharedLine[]
  /** Set if it has ended, and something stays. */
  readonly kept: Kept | undefined
}

/** What stays with a study, as the signed text says: whatever was measured, and stored, before a moment. */
export type Kept = { readonly before: string; readonly lines: readonly SharedLine[] }

/** For each human whom the person is, or acts for: all that is in force, and all of which something stays. */
export const sharingsOf = async (parts: OwnParts, person: string, words: Words): Promise<readonly Sharing[]> => {
  const all: Sharing[] = []
  for (const patient of await compartmentsOf(parts.accounts.database, person)) {
    const record = await openOwnRecord(parts, person, patient)
    if (record === undefined) continue
    const records = new Map<string, OwnRecord>([[patient, record]])
    for (const sharing of await sharingsIn(parts, record, words)) {
      const by = namedId(sharing.consent.patient, 'Patient') ?? patient
      const own = records.get(by) ?? (await openOwnRecord(parts, person, by)) ?? record
      records.set(by, own)
      all.push({ ...sharing, record: own })
    }
  }
  return all
}

/** The same for one human. */
export const sharingsIn = async (
  { accounts, codeClasses }: OwnParts,
  record: OwnRecord,
  words: Words,
): Promise<readonly Sharing[]> => {
  const open = await openPermitsOf(accounts.database, record.patient)
  const permits = Map.groupBy(open, ({ consent }) => consent)
  const names = await namesOfDevices(
    record,
    open.flatMap(({ source }) => source ?? []),
  )
  const active = await record.find<Consent>('Consent', { status: 'active', _count: '1000' })
  const others = [...permits.keys()].filter(id => !active.some(one => one.id === id))
  const ended =
    others.length === 0 ? [] : await record.find<Consent>('Consent', { _id: others.join(','), _count: '1000' })
  // Rows have ids alone, whose order says nothing to anybody.
  const { compare } = new Intl.Collator(words.code, { numeric: true })
  const toLines = async (consent: Consent, opens: readonly OpenPermit[]) =>
    (await sharedLines(opens, { record, consent, words, codeClasses, names })).toSorted((one, other) =>
      compare(one.what, other.what),
    )
  return Promise.all(
    [...active, ...ended].map(async consent => {
      const opens = permits.get(consent.id ?? '') ?? []
      const before = opens.find(({ storedBefore }) => storedBefore !== undefined)?.storedBefore
      const lines = await toLines(consent, opens)
      const given = { human: record.patient, record, consent, receiver: receiverOf(consent) }
      return before === undefined
        ? { ...given, lines, kept: undefined }
        : { ...given, lines: [], kept: { before, lines } }
    }),
  )
}

const receiverOf = (consent: Consent): string | undefined => {
  const study = studyNamed(consent)
  if (study !== undefined) return `ResearchStudy/${study}`
  const { provision } = consent
  return (provision?.provision?.[0]?.actor ?? provision?.actor)?.[0]?.reference.reference
}
