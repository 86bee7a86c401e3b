import { parseScopes, type Scope } from '../../access/scope.ts'
import { typeOfKind } from '../../access/shared-type.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Connection } from '../../storage/database.ts'
import { type ServiceRight, type StudyService, servicesOf } from '../../storage/study/study-services.ts'
import type { RequestedData } from '../definition/requested-data.ts'

/** A service that reads what is given to a study, without a person who would ask it to. */
export type ReadingService = {
  readonly name: string
  /** Whether its scopes let it read anything of the kind. */
  readonly reads: (kind: string) => boolean
  /** Since when they let it; undefined if that is not known. */
  readonly since: (kind: string) => Date | undefined
}

/** Those that can read some of the lines. */
export const readingServices = async (
  connection: Connection,
  study: string,
  { lines, codeClasses }: { readonly lines: readonly Pick<RequestedData, 'kind'>[]; readonly codeClasses: CodeClasses },
): Promise<readonly ReadingService[]> =>
  (await servicesOf(connection, study))
    .map(service => toReading(service, codeClasses))
    .filter(({ reads }) => lines.some(({ kind }) => reads(kind)))

const toReading = ({ name, rights }: StudyService, codeClasses: CodeClasses): ReadingService => {
  const parsed = rights.map(({ scope, since }) => ({ since, scopes: parseScopes(scope).filter(isReading) }))
  const toRead = (kind: string) => parsed.filter(({ scopes }) => scopes.some(one => mayRead(one, kind, codeClasses)))
  return { name, reads: kind => toRead(kind).length > 0, since: kind => earliest(toRead(kind)) }
}

const isReading = ({ context, actions }: Scope): boolean =>
  context === 'system' && (actions.has('r') || actions.has('s'))

/** Undefined if one of them may have been there before what is known. */
const earliest = (rights: readonly Pick<ServiceRight, 'since'>[]): Date | undefined => {
  const moments = rights.map(({ since }) => since?.getTime() ?? Number.NaN)
  const first = Math.min(...moments)
  return Number.isFinite(first) ? new Date(first) : undefined
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
