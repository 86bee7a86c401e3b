import { FhirError } from '../../fhir/error.ts'
import { inSteps } from '../../fhir/give-way.ts'
import type { AskedAs } from '../../storage/quarantine/refused-upload.ts'
import type { Context, Prepared, Ready, TypeRequest } from '../interaction.ts'
import { prepareFrom } from './decide-policy.ts'
import { type Incoming, parseIncoming } from './incoming.ts'

/** How an Observation was sent, to be kept with it if its document is refused. */
export type Sent = AskedAs & { readonly body: unknown }

/**
 * The write of what was sent, and how it was sent. If every policy refuses it there is no write: with a document in it, it is prepared to be
 * kept, and without one, the refusal is thrown.
 */
export const prepareUpload = async (
  type: TypeRequest['type'],
  body: unknown,
  context: Context,
  prepare: (incoming: Incoming) => Ready,
  sent: Sent | undefined,
): Promise<Prepared> => {
  const incoming = await parseIncoming(type, body, context).catch(refusal)
  if (!(incoming instanceof FhirError)) {
    const prepared = prepareFrom(incoming, prepare)
    if (!('under' in incoming) || !('under' in prepared) || sent === undefined) return prepared
    const { schema } = incoming
    return { ...prepared, upload: () => ({ ...sent, schema }) }
  }
  const outline = type === 'Observation' ? await inSteps(context.mhealth.outlineOf(body)) : undefined
  if (outline === undefined || sent === undefined) throw incoming
  const { schema, ...asked } = outline
  return { ...asked, refused: incoming, upload: () => ({ ...sent, schema }) }
}

const refusal = (error: unknown): FhirError => {
  if (error instanceof FhirError) return error
  throw error
}
