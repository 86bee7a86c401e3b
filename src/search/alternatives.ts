import { FhirError } from '../fhir/error.ts'

/**
 * What a text means for the candidates that it makes sense for: a date is no answer to one whose parameter is a token.
 * Where it suits none, the first refusal is thrown. What would cost too much is refused for all.
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
