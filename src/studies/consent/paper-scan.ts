import type { Binary, Consent } from '@medplum/fhirtypes'
import { extensions } from '../../fhir/canonical.ts'
import { unlessRefused } from '../../fhir/error.ts'
import { extensionOf } from '../../fhir/extension.ts'
import { namedId } from '../../fhir/reference.ts'
import { callerOfPatient } from '../../storage/authorization/token.ts'
import type { OwnParts } from './own-record.ts'
import type { StudyAsked } from './own-study.ts'

export type PaperScan = { readonly contentType: string; readonly bytes: Buffer }

/** The id of the Binary with the scan of a consent on paper; undefined if it was given otherwise. */
export const scanIdOf = (consent: Consent): string | undefined =>
  namedId(extensionOf(consent, extensions.paperScan)?.valueReference, 'Binary')

export const toScan = ({ contentType, data = '' }: Binary): PaperScan => ({
  contentType,
  bytes: Buffer.from(data, 'base64'),
})

/**
 * The scan that was recorded last for a study, as its patient may read it: of what waits, or else of what they signed before. A Binary is read by
 * whoever may read what its securityContext names, which is their place in the study.
 */
export const findOwnScan = async (
  { accounts, openStoreFor }: OwnParts,
  person: string,
  { record, study }: Pick<StudyAsked, 'record' | 'study'>,
): Promise<PaperScan | undefined> => {
  const query = { study: `ResearchStudy/${study.id}`, _sort: '-_lastUpdated', _count: '100' }
  const consents = await record.find<Consent>('Consent', query, record.ofHuman)
  const id = consents.map(scanIdOf).find(one => one !== undefined)
  const caller = await callerOfPatient(accounts.database, { person, patient: record.patient, client: 'pages', scope })
  if (id === undefined || caller === undefined) return undefined
  const stored = await unlessRefused(() => openStoreFor(caller).read('Binary', id))
  return stored && toScan(JSON.parse(stored.content))
}

const scope = 'user/Binary.r user/ResearchSubject.r'
