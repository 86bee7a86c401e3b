import { FhirError } from '../../fhir/error.ts'
import { roomOfBundle } from '../../search/room.ts'
import type { FhirResponse } from '../interaction.ts'

export type AnswerRoom = {
  /** Throws `too-costly` if there is no room left, so that the next entry is not carried out. */
  readonly requireSome: () => void
  /** Takes the room that the answer needs, and answers it. */
  readonly take: (answer: FhirResponse) => FhirResponse
}

/**
 * How much the entries of one Bundle may answer together: all of it is kept until the last one is done, and a short Bundle can ask for the same
 * long page, or change the same long resource, a thousand times.
 */
export const openAnswerRoom = (mostLetters = roomOfBundle): AnswerRoom => {
  let left = mostLetters
  return {
    requireSome: () => {
      if (left > 0) return
      throw new FhirError('too-costly', 'The entries before this one answer as much as one Bundle may: ask in parts', {
        status: 400,
      })
    },
    take: ({ body, ...answer }) => {
      if (body?.kind !== 'chunks' && body?.kind !== 'text') return { ...answer, ...(body && { body }) }
      const text = body.kind === 'text' ? body.text : [...body.chunks].join('')
      left -= text.length
      return { ...answer, body: { kind: 'text', text } }
    },
  }
}
