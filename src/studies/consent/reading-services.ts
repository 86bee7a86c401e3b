import { parseScopes, type Scope } from '../../access/scope.ts'
import { typeOfKind } from '../../access/shared-type.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Connection } from '../../storage/database.ts'
import { type StudyService, servicesOf } from '../../storage/study/study-services.ts'
import type { RequestedData } from '../definition/requested-data.ts'

/** A service that reads what is given to a study, without a person who would ask it to. */
export type ReadingService = {
  readonly name: string
  /** Whether its scopes let it read anything of the kind. */
  readonly reads: (kind: string) => boolean
}

/** Those that can read some of what the study asks for. */
export const readingServices = async (
  connection: Connection,
  study: string,
  { lines, codeClasses }: { readonly lines: readonly RequestedData[]; readonly codeClasses: CodeClasses },
): Promise<readonly ReadingService[]> =>
  (await servicesOf(connection, study))
    .map(service => toReading(service, codeClasses))
    .filter(({ reads }) => lines.some(({ kind }) => reads(kind)))

const toReading = ({ name, scope }: StudyService, codeClasses: CodeClasses): ReadingService => {
  const scopes = parseScopes(scope).filter(
    ({ context, actions }) => context === 'system' && (actions.has('r') || actions.has('s')),
  )
  return { name, reads: kind => scopes.some(one => mayRead(one, kind, codeClasses)) }
}

/** What criteria other than codes leave of a kind cannot be told beforehand, so it counts as read. */
const mayRead = ({ type, query }: Scope, kind: string, { kindOf }: CodeClasses): boolean => {
  const shared = typeOfKind(kind) ?? 'Observation'
  if (type !== '*' && type !== shared) return false
  const codes = shared === 'Observation' ? new URLSearchParams(query).getAll('code') : []
  return codes.every(text => text.split(',').some(code => isOfKind(code, kind, kindOf)))
}

const isOfKind = (token: string, kind: string, kindOf: CodeClasses['kindOf']): boolean => {
  const bar = token.indexOf('|')
  const [system, code] = bar < 0 ? [undefined, token] : [token.slice(0, bar) || undefined, token.slice(bar + 1)]
  return code === '' || kindOf(system, code) === kind
}
