import type { ResourceType } from '@medplum/fhirtypes'
import type { ElementPath } from '../../fhir/definition/search-parameter.ts'
import { type Action, none, or } from '../../search/expression.ts'
import type { Grant } from './rule.ts'

/** For whoever may do the action to the resource that the element names, if it is of one of these types and their scopes reach it. */
export const follow =
  (
    element: string,
    targets: readonly ResourceType[],
    action: Action,
    more: { readonly versioned?: true } = {},
  ): Grant =>
  (_who, { access }) =>
    or(
      ...targets.map(target => {
        const of = access(action, target)
        return of.kind === 'none'
          ? none
          : ({ kind: 'names', paths: [referenceAt(element)], target, of, ...more } as const)
      }),
    )

const referenceAt = (element: string): ElementPath => ({
  steps: element.split('.').map(name => ({ name })),
  datatype: 'Reference',
})
