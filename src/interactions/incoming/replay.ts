import { FhirError } from '../../fhir/error.ts'
import { parseJson } from '../../fhir/json.ts'
import type { Connection } from '../../storage/database.ts'
import { holdWaiting, type Replayable } from '../../storage/quarantine/quarantine-settling.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'
import { prepareCreate } from '../create.ts'
import type { Context, Prepared } from '../interaction.ts'
import { requireAccess } from '../require-access.ts'
import { prepareUpdate } from '../update.ts'
import { etagOf } from '../version.ts'
import { allReady, decidePolicies } from './decide-policy.ts'

/**
 * Uploads once more what was refused: the current policies judge it, and the gate is asked what its sender, whose context this is, may write now.
 * `settle` notes as which Observation it was taken, and by whom, in the same commit. False if it was taken, removed or sent again since it was
 * read. Throws FhirError if it is refused again, also because an update would undo what was changed since; it is then not kept a second time.
 */
export const replay = async (
  id: string,
  kept: Omit<Replayable, 'sender'>,
  context: Context,
  settle: (observation: string, connection: Connection) => Promise<void>,
): Promise<boolean> => {
  const { update, isLost, times } = kept
  if (isLost) throw new FhirError('incomplete', 'It refers to what was refused with it', { status: 422 })
  const [ready] = allReady(await decidePolicies([await prepared(kept, context)], context))
  if (ready === undefined) throw new Error('nothing was decided')
  const { write } = ready
  return context.store.atomic(async (store, connection) => {
    if (!(await holdWaiting(connection, id, times))) return false
    const written = await writeOrThrow(store, write)
    if (update !== undefined && update.id === undefined && written.outcome === 'unchanged')
      throw new FhirError('conflict', 'Its criteria matched nothing when it was sent, and match something now')
    await settle(written.id, connection)
    return true
  })
}

const prepared = async (
  { sent, ifNoneExist, update }: Omit<Replayable, 'sender'>,
  context: Context,
): Promise<Prepared> => {
  const request = { type: 'Observation' as const, query: new URLSearchParams(), body: parseJson(sent) }
  const prefer = { handling: 'lenient' as const }
  if (update?.id === undefined) {
    requireAccess(context, 'c', 'Observation')
    return prepareCreate(
      { ...request, headers: { prefer, ...(ifNoneExist !== undefined && { ifNoneExist }) } },
      context,
    )
  }
  requireAccess(context, 'u', 'Observation')
  const { id, version } = update
  const condition = version === undefined ? { ifNoneMatch: '*' } : { ifMatch: etagOf(version) }
  return prepareUpdate({ ...request, id, headers: { prefer, ...condition } }, context)
}

/** Why it was refused, in a word that reveals no value: the code of a finding, or of an issue. */
export const reasonWord = ({ issues: [first] }: FhirError): string => first.details?.code ?? first.code
