import type { KoaContextWithOIDC } from 'oidc-provider'
import { FhirError } from '../../fhir/error.ts'
import { errorDescription } from './error-description.ts'

/** A client is told to come again if the fault passes, as while the database restarts. A person has the page of the library. */
export const answerFault = (
  { reportFault }: { readonly reportFault: (fault: unknown) => void },
  ctx: KoaContextWithOIDC,
  fault: unknown,
): void => {
  reportFault(fault)
  if (typeof ctx.body === 'string') return
  const passes = fault instanceof FhirError && fault.status === 503
  ctx.status = passes ? 503 : 500
  if (passes) ctx.set('Retry-After', '2')
  ctx.body = passes
    ? { error: 'temporarily_unavailable', error_description: errorDescription(fault.message) }
    : { error: 'server_error', error_description: 'Internal error' }
}
