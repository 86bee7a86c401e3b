import type { Context, FhirResponse, Handler, Routed } from './interaction.ts'
import { requireAccess } from './require-access.ts'

/** Carries a request out, once the caller may do such a thing to such a type at all. */
export const dispatch = async ({ interaction, request }: Routed, context: Context): Promise<FhirResponse> => {
  if (interaction.action !== undefined && 'type' in request) requireAccess(context, interaction.action, request.type)
  // A request is made from the path of its interaction, so it has what the handler finds there.
  return (interaction.handler as Handler)(request, context)
}
