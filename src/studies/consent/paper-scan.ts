import type { Binary, Consent } from '@medplum/fhirtypes'
import { extensions } from '../../fhir/canonical.ts'
import { unlessRefused } from '../../fhir/error.ts'
import { extensionOf } from '../../fhir/extension.ts'
import { namedId } from '../../fhir/reference.ts'
import { callerOfPatient } from '../../storage/authorization/token.ts'
import type { OwnParts, OwnRecord } from './own-record.ts'

export type PaperScan = { readonly contentType: string; readonly bytes: Buffer }

/** The id of the Binary with the scan of a consent on paper; undefined if it was given otherwise. */
export const scanIdOf = (consent: Consent): string | undefined =>
  namedId(extensionOf(consent, extensions.paperScan)?.valueReference, 'Binary')

export const toScan = ({ contentType, data = '' }: Binary): PaperScan => ({
  contentType,
  bytes: Buffer.from(data, 'base64'),
})

/**
 * The scan of a consent of theirs, as its patient may read it; undefined if it was given otherwise. A Binary is read by whoever may read what its
 * securityContext names, which is their place in the study.
 */
export const findOwnScan = async (
  { accounts, openStoreFor }: OwnParts,
  person: string,
  { patient }: Pick<OwnRecord, 'patient'>,
  consent: Consent,
): Promise<PaperScan | undefined> => {
  const id = scanIdOf(consent)
  const caller = await callerOfPatient(accounts.database, { person, patient, client: 'pages', scope })
  if (id === undefined || caller === undefined) return undefined
  const stored = await unlessRefused(() => openStoreFor(caller).read('Binary', id))
  return stored && toScan(JSON.parse(stored.content))
}

const scope = 'user/Binary.r user/ResearchSubject.r'
