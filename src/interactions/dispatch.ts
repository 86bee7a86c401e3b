import type { Context, FhirRequest, FhirResponse, Handler, Routed } from './interaction.ts'
import { requireAccess } from './require-access.ts'
import type { Route } from './route.ts'

/** Carries a request out, once the caller may do such a thing to such a type at all. Who may not, is recorded. */
export const dispatch = async (routed: Routed, context: Context): Promise<FhirResponse> => {
  const { interaction, request } = routed
  try {
    if (interaction.action !== undefined && 'type' in request) requireAccess(context, interaction.action, request.type)
    // A request is made from the path of its interaction, so it has what the handler finds there.
    return await (interaction.handler as Handler)(request, context)
  } catch (error) {
    await context.recordRefusal(triedBy(routed), error)
    throw error
  }
}

type Named = FhirRequest | Route['named']

/** What a request is recorded as. */
export const triedBy = ({
  interaction: { name },
  request,
}: Pick<Routed, 'interaction'> & { readonly request: Named }) => ({
  interaction: name,
  ...('type' in request ? { type: request.type } : {}),
  ...('id' in request && !('compartment' in request) ? { resource: request.id } : {}),
})
