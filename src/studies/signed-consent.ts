import type { Consent, Provenance, Signature } from '@medplum/fhirtypes'
import { isWithin, type Permit } from '../access/consent-permit.ts'
import type { Words } from '../messages/catalogue.ts'
import { termsOf } from '../storage/model/consent.ts'
import type { OwnParts, OwnRecord } from './own-record.ts'
import type { StudyAsked } from './own-study.ts'
import { type SharedLine, sharedLines } from './shared-line.ts'

/** A Consent to a study as it stands, or as it stood last. */
export type SignedConsent = {
  readonly consent: Consent
  readonly lines: readonly SharedLine[]
  /** Set where it was signed on our pages, and gives no more since. */
  readonly signature: Signature | undefined
  /** Set where it was signed there, and says something else since: nobody has typed a name for that. */
  readonly changedAt: string | undefined
  /** Set where it has ended. */
  readonly endedAt: string | undefined
}

/** Undefined where there never was any. */
export const findSignedConsent = async (
  parts: OwnParts,
  { record, signed: id }: StudyAsked,
  words: Words,
): Promise<SignedConsent | undefined> => {
  const versions = id === undefined ? [] : await versionsOf(record, id)
  const place = versions.findIndex(({ status }) => status === 'active')
  const consent = versions[place]
  if (consent === undefined) return undefined
  const read = async (one: Consent): Promise<readonly Permit[]> =>
    (await termsOf(parts.accounts.database, one, { classes: parts.codeClasses }))?.permits ?? []
  const permits = await read(consent)
  const opens = permits.map(one => ({ ...one, source: one.device }))
  const signing = await findSigning(record, consent.id ?? '')
  const since = signing && versions.slice(place, versions.findIndex(one => versionIn(one) === signing.version) + 1)
  const isSigned = since !== undefined && (await isOnlyNarrowed(since, read))
  return {
    consent,
    lines: await sharedLines(opens, { record, consent, words, codeClasses: parts.codeClasses }),
    signature: isSigned ? signing?.signature : undefined,
    changedAt: signing === undefined || isSigned ? undefined : consent.meta?.lastUpdated,
    endedAt: versions[place - 1]?.meta?.lastUpdated,
  }
}

/** The newest first. */
const versionsOf = async ({ store }: OwnRecord, id: string): Promise<readonly Consent[]> => {
  const versions: Consent[] = []
  let cursor: string | undefined
  do {
    const page = await store.history('Consent', id, { count: 100, cursor })
    versions.push(...page.entries.flatMap(({ content }) => (content === undefined ? [] : [JSON.parse(content)])))
    cursor = page.next
  } while (cursor !== undefined)
  return versions
}

const versionIn = ({ meta }: Consent): string | undefined => meta?.versionId

type Signing = { readonly signature: Signature; readonly version: string | undefined }

/** The last time that a name was typed for it. */
const findSigning = async (record: OwnRecord, id: string): Promise<Signing | undefined> => {
  const found = await record.find<Provenance>('Provenance', { target: `Consent/${id}`, _sort: '-recorded' })
  const [last] = found.flatMap(({ signature = [], target }) => {
    const version = /\/_history\/(.+)$/.exec(target[0]?.reference ?? '')?.[1]
    return signature.map(one => ({ signature: one, version }))
  })
  return last
}

/** From the newest to the version that was signed: none of them gives what the one before did not, or by another text. */
const isOnlyNarrowed = async (
  versions: readonly Consent[],
  read: (consent: Consent) => Promise<readonly Permit[]>,
): Promise<boolean> => {
  for (const [index, before] of versions.slice(1).entries()) {
    const after = versions[index]
    if (after?.status !== 'active' || after.sourceAttachment?.hash !== before.sourceAttachment?.hash) return false
    const given = await read(before)
    if (!(await read(after)).every(one => given.some(other => isWithin(one, other)))) return false
  }
  return versions.length > 0
}
