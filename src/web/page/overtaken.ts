import { FhirError } from '../../fhir/error.ts'
import { type Html, html } from './html.ts'

/** Whether it was refused because somebody else has changed the data since it was shown. */
export const isOvertaken = (error: unknown): boolean => error instanceof FhirError && error.status === 412

export const overtaken: Html = html`<p>Somebody else has changed this since you opened this page. What you entered is still below; check it, and send it again if it is right.</p>`
