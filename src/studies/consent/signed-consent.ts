import type { Consent, Provenance, Signature } from '@medplum/fhirtypes'
import { isCoveredBy, type Permit } from '../../access/consent-permit.ts'
import { consentDecision } from '../../access/vocabulary.ts'
import type { Words } from '../../messages/catalogue.ts'
import { openTerms } from '../../storage/model/consent/consent.ts'
import { consentSignature } from '../../storage/write/decision.ts'
import type { OwnParts, OwnRecord } from './own-record.ts'
import type { StudyAsked } from './own-study.ts'
import { type SharedLine, sharedLines } from './shared-line.ts'

/** A Consent to a study as it is now, or as it was when it was last active. */
export type SignedConsent = {
  readonly consent: Consent
  readonly lines: readonly SharedLine[]
  /** When it was signed, or changed since; empty if nothing says it. Its devices have the names that they had then. */
  readonly at: string
  /** Set if it was signed on our pages, and has given nothing more since. */
  readonly signature: Signature | undefined
  /** Set if it was signed there, but says something else since, for which nobody has typed a name. */
  readonly changedAt: string | undefined
  /** Set if it has ended. */
  readonly endedAt: string | undefined
}

/** Undefined if there never was one. */
export const findSignedConsent = async (
  parts: OwnParts,
  { record, signed: id }: Pick<StudyAsked, 'record' | 'signed'>,
  words: Words,
): Promise<SignedConsent | undefined> => {
  if (id === undefined) return undefined
  const versions = versionsOf(record, id)
  const { consent, later } = await lastActive(versions)
  if (consent === undefined) return undefined
  const termsOf = openTerms(parts.accounts.database, { classes: parts.codeClasses })
  const read = async (one: Consent): Promise<readonly Permit[]> => (await termsOf(one))?.permits ?? []
  const permits = await read(consent)
  const opens = permits.map(one => ({ ...one, source: one.device }))
  const signing = await findSigning(record, id)
  const isSigned = signing !== undefined && (await isOnlyNarrowed({ consent, permits, since: signing }, versions, read))
  const signature = isSigned ? signing.signature : undefined
  const changedAt = signing === undefined || isSigned ? undefined : consent.meta?.lastUpdated
  const at = signature?.when ?? changedAt ?? consent.dateTime ?? ''
  return {
    consent,
    lines: await sharedLines(opens, { record, consent, words, codeClasses: parts.codeClasses, at }),
    at,
    signature,
    changedAt,
    endedAt: later?.meta?.lastUpdated,
  }
}

/** The newest first. They are read as they are asked for, since an app may have written thousands. */
const versionsOf = async function* ({ store }: OwnRecord, id: string): AsyncGenerator<Consent, undefined> {
  let cursor: string | undefined
  do {
    const page = await store.history('Consent', id, { count: 100, cursor })
    for (const { content } of page.entries) if (content !== undefined) yield JSON.parse(content)
    cursor = page.next
  } while (cursor !== undefined)
}

type Versions = AsyncGenerator<Consent, undefined>

/** The last active version, and the one after it. */
const lastActive = async (versions: Versions) => {
  let later: Consent | undefined
  for (;;) {
    const { value: consent } = await versions.next()
    if (consent === undefined || consent.status === 'active') return { consent, later }
    later = consent
  }
}

const versionIn = ({ meta }: Consent): number => Number(meta?.versionId)

type Signing = { readonly signature: Signature; readonly version: string | undefined }

/** The last time that a name was typed for it, as recorded by the server; what anybody else says about it does not count. */
const findSigning = async (record: OwnRecord, id: string): Promise<Signing | undefined> => {
  const signed = `${consentSignature.system}|${consentSignature.code}`
  const query = { target: `Consent/${id}`, 'signature-type': signed, _sort: '-recorded', _count: '100' }
  const found = await record.find<Provenance>('Provenance', query)
  const [last] = found.filter(isDecision).flatMap(({ signature = [], target }) => {
    const version = /\/_history\/(.+)$/s.exec(target[0]?.reference ?? '')?.[1]
    return signature.map(one => ({ signature: one, version }))
  })
  return last
}

const isDecision = ({ activity }: Provenance): boolean =>
  activity?.coding?.some(({ system }) => system === consentDecision) === true

type Standing = { readonly consent: Consent; readonly permits: readonly Permit[]; readonly since: Signing }

/** Whether, from the version that was signed up to this one, no version gave anything that the one before did not, or named another text. */
const isOnlyNarrowed = async (
  { consent, permits, since }: Standing,
  older: Versions,
  read: (consent: Consent) => Promise<readonly Permit[]>,
): Promise<boolean> => {
  const signed = Number(since.version)
  for (let [after, given] = [consent, permits]; ; ) {
    if (versionIn(after) === signed) return true
    if (!(signed < versionIn(after))) return false
    const { value: before } = await older.next()
    if (before === undefined || after.status !== 'active') return false
    if (after.sourceAttachment?.hash !== before.sourceAttachment?.hash) return false
    const givenBefore = await read(before)
    if (!given.every(one => givenBefore.some(other => isCoveredBy(one, other)))) return false
    ;[after, given] = [before, givenBefore]
  }
}
