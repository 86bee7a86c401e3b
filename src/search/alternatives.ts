import { FhirError } from '../fhir/error.ts'

/**
 * What a text means for each of the candidates that can take it: one may be a date parameter, and another a token. Throws the first
 * refusal if none of them can; anything but `invalid`, such as `too-costly`, is thrown at once.
 */
export const readAlternatives = <Candidate, Meaning>(
  candidates: readonly Candidate[],
  read: (candidate: Candidate) => Meaning,
): readonly Meaning[] => {
  const attempts = candidates.map(candidate => attempt(() => read(candidate)))
  const meanings = attempts.flatMap(one => ('meaning' in one ? [one.meaning] : []))
  const refused = attempts.find(one => 'refused' in one)
  if (meanings.length === 0 && refused !== undefined) throw refused.refused
  return meanings
}

type Attempt<Meaning> = { readonly meaning: Meaning } | { readonly refused: FhirError }

const attempt = <Meaning>(read: () => Meaning): Attempt<Meaning> => {
  try {
    return { meaning: read() }
  } catch (error) {
    if (error instanceof FhirError && error.issues[0].code === 'invalid') return { refused: error }
    throw error
  }
}
