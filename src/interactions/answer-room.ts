import { FhirError } from '../fhir/error.ts'
import { roomOfBundle } from '../search/room.ts'
import type { FhirResponse } from './interaction.ts'

type Dispatching = () => Promise<FhirResponse>

/**
 * What the reads and searches of one Bundle may answer together: all of it is kept until the last is done, and a short Bundle can ask
 * for the same long page a thousand times. Whatever comes when there is no room left throws `too-costly` and is not carried out.
 */
export const openAnswerRoom = (mostLetters = roomOfBundle): ((dispatching: Dispatching) => Promise<FhirResponse>) => {
  let left = mostLetters
  return async dispatching => {
    if (left <= 0)
      throw new FhirError('too-costly', 'The entries before this one answer as much as one Bundle may: ask in parts', {
        status: 400,
      })
    const { body, ...answer } = await dispatching()
    if (body?.kind !== 'chunks' && body?.kind !== 'text') return { ...answer, ...(body && { body }) }
    const text = body.kind === 'text' ? body.text : [...body.chunks].join('')
    left -= text.length
    return { ...answer, body: { kind: 'text', text } }
  }
}
