import type { ResourceType } from '@medplum/fhirtypes'
import { isGranted, reasonAgainst, scopeMissing } from '../access/rules.ts'
import { FhirError } from '../fhir/error.ts'
import type { Action } from '../search/expression.ts'
import type { Context } from './interaction.ts'

/**
 * Refuses an action on a type if the caller may do it to no row at all, and says what it would take. If some rows are granted, the store asks row
 * by row, and what is not visible is not found.
 */
export const requireAccess = (
  { access, caller }: Pick<Context, 'access' | 'caller'>,
  action: Action,
  type: ResourceType,
): void => {
  if (isGranted(access, action, type)) return
  const scope = scopeMissing(caller, action, type)
  throw new FhirError('forbidden', reasonAgainst(caller, action, type), scope === undefined ? {} : { scope })
}
