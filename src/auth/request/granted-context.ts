import { type AuthorizationGrant, findGrant } from '../../storage/authorization/authorization-grant.ts'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import type { Database } from '../../storage/database.ts'

type Parts = { readonly database: Database; readonly fhir: () => string; readonly base: () => string }

/** Members of a token response. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#launch-context-arrives-with-your-access_token */
export type LaunchContextMembers = {
  readonly patient?: string
  readonly need_patient_banner?: boolean
  readonly smart_style_url?: string
  readonly intent?: string
  /** Only in an introspection response; a token response has it in the id_token. */
  readonly fhirUser?: string
}

/** Undefined if the grant is no longer in force. */
export const tokenContextOf = async (parts: Parts, grantId: string): Promise<LaunchContextMembers | undefined> => {
  const grant = await findGrant(parts.database, grantId)
  if (grant === undefined) return undefined
  const { patient, context } = grant
  const fhirUser = await fhirUserOf(parts, grant)
  return {
    ...(patient === undefined ? {} : { patient, need_patient_banner: context.needPatientBanner ?? true }),
    ...(context.intent === undefined ? {} : { intent: context.intent }),
    smart_style_url: `${parts.base()}${stylePath}`,
    ...(fhirUser === undefined ? {} : { fhirUser }),
  }
}

/** An absolute URL; undefined if `openid fhirUser` was not granted. */
export const fhirUserOf = async (parts: Parts, grant: AuthorizationGrant): Promise<string | undefined> => {
  const { person, client, scope, patient } = grant
  if (person === undefined) return undefined
  const { fhirUser } = await callerOfPerson(parts.database, { person, client, scope, patient })
  return fhirUser && `${parts.fhir()}/${fhirUser.type}/${fhirUser.id}`
}

/** "The URL SHOULD be considered a version key": if the content changes, so must the path. */
export const stylePath = '/smart-style/1.json'

/** https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#styling */
export const style = {
  color_background: '#ffffff',
  color_error: '#b3261e',
  color_highlight: '#0b5cab',
  color_modal_backdrop: '#1f2933',
  color_success: '#1b7f4d',
  color_text: '#1f2933',
  dim_border_radius: '6px',
  dim_font_size: '16px',
  dim_spacing_size: '16px',
  font_family_body: 'system-ui, sans-serif',
  font_family_heading: 'system-ui, sans-serif',
} as const
