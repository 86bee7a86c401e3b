import { createHash } from 'node:crypto'
import type { Duplicate } from '../../studies/patient/duplicate-patients.ts'
import { type Html, html } from '../page/html.ts'
import { patientLine } from './patient-search.ts'

/** How many are listed. */
export const mostDuplicates = 10

/** Somebody who may be the same human, and what they have in common, with a link to their page. */
export const duplicateLine = ({ patient, by }: Duplicate): Html =>
  html`<a href="/patients/${patient.id}">${patientLine(patient)}</a>: ${reasons[by]}`

export const moreDuplicates = (duplicates: readonly Duplicate[]): Html | false =>
  duplicates.length > mostDuplicates && html`<p>There are ${duplicates.length - mostDuplicates} more.</p>`

const reasons: Readonly<Record<Duplicate['by'], string>> = {
  identifier: 'has the same identifier',
  name: 'has the same name and birth date',
}

/** A digest of exactly these: others who have come since, or are like what is typed now, must be shown first. */
export const digestOf = (duplicates: readonly Duplicate[]): string =>
  createHash('sha256')
    .update(
      duplicates
        .map(({ patient }) => patient.id)
        .sort()
        .join(),
    )
    .digest('base64url')
