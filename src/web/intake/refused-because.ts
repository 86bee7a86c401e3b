import type { Key, Words } from '../../messages/catalogue.ts'
import { namedIn } from '../page/named-in.ts'

/** Why a document was refused, in words for its patient: by the code of https://sharewell.dev/fhir/CodeSystem/document-finding. */
export const refusedBecause = (rule: string, { say }: Words): string =>
  say(namedIn(reasons, rule) ?? 'refused.because-form')

const reasons: Readonly<Record<string, Key>> = {
  'unit-spelling': 'refused.because-unit',
  'unit-unreadable': 'refused.because-unit',
  'time-zone-missing': 'refused.because-time',
  'seconds-missing': 'refused.because-time',
  'time-missing': 'refused.because-time',
  'part-of-day': 'refused.because-time',
  'duration-beside-interval': 'refused.because-time',
  'interval-order': 'refused.because-time',
  'time-future': 'refused.because-future',
  'value-negative': 'refused.because-value',
  'value-impossible': 'refused.because-value',
  'number-too-large': 'refused.because-value',
  'version-number': 'refused.because-kind',
  'header-missing': 'refused.because-kind',
  'header-incomplete': 'refused.because-kind',
  'schema-unknown': 'refused.because-kind',
  'schema-untold': 'refused.because-kind',
  'version-differs': 'refused.because-kind',
  'code-differs': 'refused.because-contradiction',
  'code-condition': 'refused.because-contradiction',
  'documents-differ': 'refused.because-contradiction',
  contradiction: 'refused.because-contradiction',
  'subject-differs': 'refused.because-subject',
}
