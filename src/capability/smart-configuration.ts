/**
 * https://hl7.org/fhir/smart-app-launch/conformance.html#using-well-known
 * What is true of this server by itself: which scopes its tokens may have. It names no authorization or token endpoint
 * and no grant, since none answers here; tokens come from the command line.
 */
export const smartConfiguration = {
  grant_types_supported: [],
  code_challenge_methods_supported: [],
  scopes_supported: (['patient', 'user', 'system'] as const).flatMap(context =>
    ['cruds', 'rs', 'read', 'write', '*'].map(letters => `${context}/*.${letters}`),
  ),
  capabilities: ['permission-patient', 'permission-user', 'permission-v1', 'permission-v2'],
} as const
