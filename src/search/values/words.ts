import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import { FhirError } from '../../fhir/error.ts'
import { unescapeText } from '../escape.ts'
import { longestText } from '../limit.ts'
import { valueRefusal } from '../refusal.ts'
import type { Value } from '../value.ts'

/** `_text` and `_content`: https://hl7.org/fhir/R4/search.html#content leaves the syntax to the server. */
export const parseWords = (parameter: SearchParameter, text: string): Value => {
  const query = unescapeText(text)
  if (!/[\p{L}\p{N}]/u.test(query)) {
    throw valueRefusal(parameter, text, 'words, of which all are meant; "a phrase"; one or other; -without; (brackets)')
  }
  if (query.length > longestText)
    throw new FhirError('too-costly', `A text to look for has at most ${longestText} characters, not ${query.length}`, {
      status: 400,
      expression: parameter.code,
    })
  if ((query.match(/[()]|\band\b/gi)?.length ?? 0) > mostJoined)
    throw new FhirError('too-costly', `A text to look for has at most ${mostJoined} brackets and ANDs`, {
      status: 400,
      expression: parameter.code,
    })
  return { kind: 'words', query }
}

/** Each bracket and AND adds a part to the SQL statement. */
const mostJoined = 50
