import type { Resource } from '@medplum/fhirtypes'
import { isGranted } from '../../access/rules.ts'
import type { Planned } from '../../storage/planned.ts'
import type { Context } from '../interaction.ts'
import type { Placed } from './transaction-claims.ts'

/**
 * What the entries are going to write. Without what is refused whatever it says, as its sender may do it to nothing of its type: nobody is held up for
 * that until its turn comes.
 */
export const plannedBy = (placed: readonly Placed[], { access }: Pick<Context, 'access'>): readonly Planned[] =>
  placed.filter(one => mayBeDone(one, access)).flatMap(plannedOf)

const mayBeDone = ({ interaction: { action }, request }: Placed, access: Context['access']): boolean =>
  action !== undefined && 'type' in request && isGranted(access, action, request.type)

/** Its references to other entries lead nowhere yet; to what is new nobody else refers, either. */
const plannedOf = ({ interaction, request }: Placed): readonly Planned[] => {
  if (!('type' in request) || interaction.method === 'GET') return []
  // By criteria, it may also be about nothing.
  if (interaction.prepare === undefined) return [{ type: request.type }]
  return [
    {
      type: request.type,
      ...('id' in request && { id: request.id }),
      ...(interaction.body === 'resource' && { resource: request.body as Resource }),
      isDeleted: interaction.method === 'DELETE',
    },
  ]
}
