import type { Context, FhirRequest, FhirResponse, Handler, Routed } from './interaction.ts'
import { requireAccess } from './require-access.ts'
import type { Route } from './route.ts'

/** Carries a request out, if the caller may do such a thing to such a type at all. Refusals are recorded. */
export const dispatch = async (routed: Routed, context: Context): Promise<FhirResponse> => {
  const { interaction, request } = routed
  try {
    if (interaction.action !== undefined && 'type' in request) requireAccess(context, interaction.action, request.type)
    // The request was made from the path of the interaction, so it has what this handler needs.
    return await (interaction.handler as Handler)(request, context)
  } catch (error) {
    await context.recordRefusal(triedBy(routed), error)
    throw error
  }
}

type Named = FhirRequest | Route['named']

/** What is recorded of a request. */
export const triedBy = ({
  interaction: { name },
  request,
}: Pick<Routed, 'interaction'> & { readonly request: Named }) => ({
  interaction: name,
  ...('type' in request ? { type: request.type } : {}),
  ...('id' in request && !('compartment' in request) ? { resource: request.id } : {}),
})
