import type { ResearchStudy } from '@medplum/fhirtypes'
import type { FastifyRequest } from 'fastify'
import type { Access } from '../../access/access.ts'
import { type Caller, narrowedTo, onlyFindingStudies } from '../../access/caller.ts'
import type { Registry } from '../../fhir/registry.ts'
import { dispatch } from '../../interactions/dispatch.ts'
import type { Context, Interaction } from '../../interactions/interaction.ts'
import { openCursors } from '../../interactions/search/cursor.ts'
import type { Mhealth } from '../../mhealth/mhealth.ts'
import { routes } from '../../operations/operations.ts'
import { parseSearch } from '../../search/parse.ts'
import { agentOf } from '../../storage/audit/agent.ts'
import type { AuditDoor } from '../../storage/audit/door.ts'
import { recordRefusal } from '../../storage/audit/refusal.ts'
import type { Trail } from '../../storage/audit/trail.ts'
import type { Store } from '../../storage/store.ts'
import { type InTurn, readInTurn } from '../caller/caller-turns.ts'

export type ContextParts = {
  readonly registry: Registry
  readonly mhealth: Mhealth
  readonly accessFor: (caller: Caller) => Access
  /** `wait`: how the caller's request waits for a record. */
  readonly openStoreFor: (caller: Caller, access: Access, door?: AuditDoor, wait?: InTurn) => Store
  readonly trail: Trail
  /** Absolute, without a slash at the end. A function, since the port may only be known once the server listens. */
  readonly base: () => string
  readonly secretKey: Uint8Array
  /** The most characters to which a change may bring a resource. */
  readonly mostLetters: number
  /** Why this server sends no requests to a URL; undefined if it does. */
  readonly refusalOf: Context['refusalOf']
}

/** What an interaction uses, for its caller. Through whichever route it comes, it passes the same gate and the same audit. */
export const openContexts = (
  parts: ContextParts,
  interactions: readonly Interaction[] = routes,
): ((request: Asking, interaction: Asked) => Context) => {
  const cursorsFor = openCursors(parts.secretKey)
  const contextOf = (request: Asking, interaction: Asked): Context => {
    const { caller, id, log, inTurn, outOfTurn } = request
    if (caller === undefined) throw new Error('a route without its caller')
    const access = parts.accessFor(caller)
    const door = doorOf(request, interaction)
    const store = readInTurn(parts.openStoreFor(caller, access, door, outOfTurn), request)
    const { registry, mhealth, mostLetters, refusalOf, trail } = parts
    const reportFault = (fault: unknown) => log.error(fault)
    return {
      registry,
      mhealth,
      store,
      access,
      caller,
      cursors: cursorsFor(caller),
      base: parts.base(),
      mostLetters,
      refusalOf,
      accessWithin: study => parts.accessFor(narrowedTo(caller, study)),
      within: study => contextOf({ caller: narrowedTo(caller, study), id, log, inTurn, outOfTurn }, interaction),
      findOwnStudy: () => findOwnStudy(parts, caller, door),
      interactions,
      dispatch,
      reportFault,
      recordRefusal: (tried, error) =>
        recordRefusal(access => trail.keep({ ...agentOf(caller, door), ...access }), tried, error),
    }
  }
  return contextOf
}

const findOwnStudy = async (
  { registry, accessFor, openStoreFor }: ContextParts,
  caller: Caller,
  door: AuditDoor,
): Promise<ResearchStudy | undefined> => {
  if (caller.study === undefined) return undefined
  const looking = onlyFindingStudies(caller)
  const own = parseSearch(registry, 'ResearchStudy', new URLSearchParams({ _id: caller.study }))
  const { entries } = await openStoreFor(looking, accessFor(looking), door).search(own)
  return entries.map(({ content }): ResearchStudy => JSON.parse(content))[0]
}

type Asking = Pick<FastifyRequest, 'caller' | 'id' | 'log' | 'inTurn' | 'outOfTurn'>

type Asked = Pick<Interaction, 'name'> & { readonly path: string }

const doorOf = ({ id }: Pick<FastifyRequest, 'id'>, { name, path }: Asked): AuditDoor => ({
  request: id,
  ...(name === 'operation' ? { operation: path.slice(path.indexOf('$')) } : {}),
})
