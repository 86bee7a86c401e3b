import type { Observation } from '@medplum/fhirtypes'
import { FhirError, orRefusal } from '../../fhir/error.ts'
import type { AskedAs } from '../../storage/quarantine/refused-upload.ts'
import type { Context, Prepared, Ready, TypeRequest } from '../interaction.ts'
import { prepareFrom } from './decide-policy.ts'
import { type Incoming, parseIncoming } from './incoming.ts'

/** How an Observation came, for what is kept of it where its document is refused. */
export type Sent = AskedAs & { readonly body: unknown }

/**
 * The write of what came, and how it came. What every policy refuses is none: it is prepared to be kept, where there is a
 * document in it, and thrown where there is none.
 */
export const prepareUpload = (
  type: TypeRequest['type'],
  body: unknown,
  context: Context,
  prepare: (incoming: Incoming) => Ready,
  sent: Sent | undefined,
): Prepared => {
  const incoming = orRefusal(() => parseIncoming(type, body, context))
  if (!(incoming instanceof FhirError)) {
    const prepared = prepareFrom(incoming, prepare)
    if (!('under' in prepared) || sent === undefined) return prepared
    return { ...prepared, upload: () => ({ ...sent, schema: schemaOf(prepared.asked, context) }) }
  }
  const outline = type === 'Observation' ? context.mhealth.outlineOf(body) : undefined
  if (outline === undefined || sent === undefined) throw incoming
  const { schema, ...asked } = outline
  return { ...asked, refused: incoming, upload: () => ({ ...sent, schema }) }
}

const schemaOf = (observation: Observation, { mhealth }: Context): string => {
  const { namespace, name, version } = mhealth.documentOf(observation)?.id ?? {}
  return [namespace, name, version].join(':')
}
