import type { Consent, Patient, Resource } from '@medplum/fhirtypes'
import type { Access } from '../../access/access.ts'
import type { Caller } from '../../access/caller.ts'
import { onlyGivenBy } from '../../access/questions.ts'
import { beginning } from '../../fhir/beginning.ts'
import { nameText } from '../../fhir/display-name.ts'
import { parseJson } from '../../fhir/json.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { Store } from '../../storage/store.ts'
import { openPermitsBy } from '../../storage/study/open-permits.ts'
import type { SharersAsked } from '../../storage/study/sharer-lists.ts'
import type { SharedWith } from '../../storage/study/sharers.ts'
import { nameOf, type OwnParts, type OwnRecord, recordIn } from './own-record.ts'
import { type SharedLine, sharedLines } from './shared-line.ts'

type SharerParts = OwnParts & { readonly openStoreFor: (caller: Caller, within?: Access) => Store }

/** What somebody shares with the reader by one Consent, as far as the reader may know who they are. */
export type SharedRecord = {
  readonly consent: Consent
  /** Id of the Patient whom the Consent names. */
  readonly patientId: string
  /** Absent if the reader may not read the Patient. */
  readonly patient?: Patient
  /** Tells people without a name apart. */
  readonly code: string
  readonly to: Receiver
  /** When the last of it can no longer be read. */
  readonly until: Date | undefined
  /** When the newest reading was measured: a moment, or a date alone. */
  readonly measured: string | undefined
  /** What it opens now. */
  readonly lines: readonly SharedLine[]
}

/** With whom it is shared. `organization`: its name; undefined if it is the reader themself. */
export type Receiver = { readonly id: string; readonly organization: string | undefined }

type SharedPage = {
  readonly records: readonly SharedRecord[]
  /** Absent on the last page. */
  readonly next?: string
  /** Everybody with whom something is shared that the reader can read. */
  readonly receivers: readonly Receiver[]
}

/** A page of what is shared with the caller, or with an organization of which they are a member, and with no study. */
export const findSharers = async (
  parts: SharerParts,
  caller: Caller,
  wanted: Omit<SharersAsked, 'practitioner'>,
  words: Words,
): Promise<SharedPage> => {
  if (caller.practitioner === undefined) return { records: [], receivers: [] }
  const store = parts.openStoreFor(caller)
  const { rows, next, receivers } = await store.sharers({ ...wanted, practitioner: caller.practitioner })
  const read = rows.map(row => ({ ...row, consent: parseJson(row.consent) as Consent }))
  const permits = await openPermitsBy(parts.accounts.database, {
    patientIds: read.map(({ patientId }) => patientId),
    consents: read.map(({ consent }) => consent.id ?? ''),
  })
  const byConsent = Map.groupBy(permits, ({ consent }) => consent)
  const record = readingOnce(recordIn(store, parts.registry, ''))
  const { compare } = new Intl.Collator(words.code, { numeric: true })
  const records: SharedRecord[] = []
  for (const { to, patient, measured, until, code, consent } of read) {
    const opens = byConsent.get(consent.id ?? '') ?? []
    const lines = await sharedLines(opens, { record, words, codeClasses: parts.codeClasses, consent })
    records.push({
      consent,
      code,
      patientId: namedId(consent.patient, 'Patient') ?? '',
      ...(patient !== null && { patient: parseJson(patient) as Patient }),
      to: await receiverOf(record, to),
      until: until ?? undefined,
      measured: measured ?? undefined,
      lines: lines.toSorted((one, other) => compare(one.what, other.what)),
    })
  }
  const all: Receiver[] = []
  for (const one of receivers) all.push(await receiverOf(record, one))
  return { records, ...(next !== undefined && { next }), receivers: all }
}

/** What the caller is shown of one Consent; undefined if nothing is shared with them by it now. */
export const findSharer = async (
  parts: SharerParts,
  caller: Caller,
  consent: string,
  words: Words,
): Promise<SharedRecord | undefined> =>
  (await findSharers(parts, caller, { consent, text: '', to: '', sort: 'since', limit: 1 }, words)).records[0]

/** The store in which there are only those Observations that the Consent gives. */
export const openGiven = ({ openStoreFor }: SharerParts, caller: Caller, consent: string): Store =>
  openStoreFor(caller, onlyGivenBy(caller, consent))

/** What the patient is called: by their own record, else by the Consent; undefined if neither says it. */
export const calledIn = ({ patient, consent }: Pick<SharedRecord, 'patient' | 'consent'>): string | undefined =>
  nameText(patient?.name?.[0]) || beginning(consent.patient?.display?.trim() ?? '', 200) || undefined

const receiverOf = async (record: OwnRecord, { kind, id }: SharedWith): Promise<Receiver> => ({
  id,
  organization: kind === 'organization' ? ((await nameOf(record, `Organization/${id}`)) ?? id) : undefined,
})

/** Many rows name the same organization, and the same devices. */
const readingOnce = (record: OwnRecord): OwnRecord => {
  const known = new Map<string, Promise<Resource | undefined>>()
  const read: OwnRecord['read'] = (type, id) => {
    const found = known.get(`${type}/${id}`) ?? record.read(type, id)
    known.set(`${type}/${id}`, found)
    return found as never
  }
  return { ...record, read }
}
