import type { FastifyRequest } from 'fastify'
import type { Caller } from '../../access/caller.ts'
import { administeredBy, keepsRefused } from '../../access/questions.ts'
import { FhirError } from '../../fhir/error.ts'
import { reasonWord, replay } from '../../interactions/incoming/replay.ts'
import { and } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import { callerOfSession } from '../../storage/account/session.ts'
import type { QuarantineKeepers } from '../../storage/quarantine/quarantine-asked.ts'
import { findReplayable } from '../../storage/quarantine/quarantine-settling.ts'
import type { Store } from '../../storage/store.ts'
import type { PageOptions } from '../page/add-page.ts'
import { notFound } from '../page/not-found.ts'
import { sessionOf } from '../page/signed-in.ts'

/**
 * Somebody who takes care of refused documents: of studies that they lead or whose organization they manage, or of patients of organizations
 * that they manage.
 */
export type Keeper = {
  readonly caller: Caller
  readonly store: Store
  readonly keepers: QuarantineKeepers
  /** Whether they lead the ResearchStudy with the id, and whether they manage any Organization. */
  readonly leads: (study: string) => Promise<boolean>
  readonly manages: () => Promise<boolean>
}

/** Used instead of the id of a source, for what came from no known one. It cannot be an id in FHIR. */
export const noSource = '_unknown'

/** Throws `not-found` for anybody who is neither staff nor an administrator. */
export const keeperOf = async (request: FastifyRequest, options: PageOptions): Promise<Keeper> => {
  const { accounts, registry, openStoreFor } = options
  const caller = await callerOfSession(accounts.database, sessionOf(request))
  if (caller === undefined || (!caller.administrator && caller.practitioner === undefined)) return notFound()
  const store = openStoreFor(caller)
  const keepers = { studies: keepsRefused(caller), organizations: administeredBy(caller) }
  const isAny = async (type: 'Organization' | 'ResearchStudy', query: Readonly<Record<string, string>>) => {
    const asked = parseSearch(registry, type, new URLSearchParams({ ...query, _count: '1' }))
    const rule = type === 'Organization' ? keepers.organizations : keepers.studies
    return (await store.search({ ...asked, where: and(asked.where, rule) })).entries.length > 0
  }
  return {
    caller,
    store,
    keepers,
    leads: study => isAny('ResearchStudy', { _id: study }),
    manages: async () => caller.administrator || (await isAny('Organization', {})),
  }
}

const create = { name: 'create', path: ':type' } as const
const update = { name: 'update', path: ':type/:id' } as const

/**
 * Has a document accepted that the keeper was shown, with the rights that its sender has now, and notes the result, if it is accepted in the same
 * commit. If it was settled meanwhile, nothing is done; if it was sent again, what was sent last counts.
 */
export const takeOne = async (
  request: FastifyRequest,
  options: PageOptions,
  keeper: Keeper,
  id: string,
): Promise<'taken' | 'refused' | 'settled'> => {
  const { accounts, contextFor } = options
  const { store, keepers } = keeper
  const found = await findReplayable(accounts.database, id)
  if (found === undefined) return 'settled'
  const { sender, ...sent } = found
  try {
    if (sender === undefined) throw new FhirError('forbidden', 'Its sender may not send anything any more')
    const door = sent.update?.id === undefined ? create : update
    const context = contextFor({ caller: sender, id: request.id, log: request.log }, door)
    const isTaken = await replay(id, sent, context, async (observation, connection) => {
      const settled = await store.settleQuarantined(id, keepers, { kind: 'taken', observation }, connection)
      if (settled === undefined) throw new FhirError('conflict', 'Whoever has it taken no longer looks after it')
    })
    return isTaken ? 'taken' : await takeOne(request, options, keeper, id)
  } catch (error) {
    if (!(error instanceof FhirError) || error.status >= 500) throw error
    await store.settleQuarantined(id, keepers, { kind: 'refused', refusal: reasonWord(error) })
    return 'refused'
  }
}
