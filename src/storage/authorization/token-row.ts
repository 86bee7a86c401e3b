import type { Caller, ClientPolicy } from '../../access/caller.ts'
import { parseScope, parseScopes } from '../../access/scope.ts'
import type { Unproven } from '../../access/unproven.ts'
import { rankOf } from '../../access/vocabulary.ts'
import type { Principal } from '../../search/expression.ts'
import { inForce } from '../model/reference.ts'
import { name, type SqlFragment, sql } from '../sql.ts'
import { isOutsider } from './outsider.ts'

/** Rows of which `toCaller` makes callers: from tokens, or anything with the same columns. `more`: further columns in front, each with its comma. */
export const callerRows = (source: SqlFragment, more = sql.fragment``): SqlFragment => sql.fragment`
    SELECT ${more} token.hash, token.kind, token.person_id, token.patient_id, token.client_id, token.scope, token.context, token.grant_id,
      CASE WHEN token.patient_id IS NOT NULL THEN ${grantedScope} END AS granted,
      client.organization, client.policies, person_practitioner.practitioner,
      ${isOutsider(sql.fragment`person_practitioner.practitioner`)} AS outsider,
      coalesce((SELECT administrator FROM user_account WHERE user_account.person = token.person_id), FALSE) AS administrator,
      ARRAY(
        SELECT patient FROM person_patient WHERE person_patient.person = token.person_id ORDER BY patient) AS patients,
      (SELECT count(DISTINCT coalesce(patient_compartment.patient_id, 0)) FROM person_patient AS linked
        LEFT JOIN patient_compartment ON patient_compartment.id = linked.patient
        WHERE linked.person = token.person_id)::integer AS compartments,
      token.context ? 'unproven' AND ${isHeld} AS held,
      ARRAY(
        SELECT DISTINCT organization FROM membership
        WHERE membership.practitioner = person_practitioner.practitioner AND membership.rank >= ${rankOf.member}
          AND ${inForce(name('membership'))}
        ORDER BY organization) AS organizations
    FROM ${source} AS token
    JOIN client ON client.id = token.client_id
    LEFT JOIN person_practitioner ON person_practitioner.person = token.person_id`

/** A token with fewer scopes than its grant, as a refresh may ask for, still has the grant's role. */
const grantedScope = sql.fragment`
  coalesce((SELECT given.scope FROM authorization_grant AS given WHERE given.id = token.grant_id), token.scope)`

/** Whether the Patient of the token has an account, or shares a compartment with another. */
const isHeld = sql.fragment`EXISTS (
  SELECT FROM patient_compartment AS own
  JOIN patient_compartment AS same ON same.patient_id = own.patient_id
  LEFT JOIN person_patient AS holder ON holder.patient = same.id
  WHERE own.id = token.patient_id AND (same.id <> own.id OR holder.person IS NOT NULL))`

/** A token, with what its person and client are now. */
export type TokenRow = {
  readonly hash: Buffer
  readonly kind: 'user' | 'patient' | 'client' | 'administrator'
  readonly person_id: string | null
  readonly patient_id: string | null
  readonly client_id: string
  readonly grant_id: string | null
  readonly scope: string
  /** The scopes of its grant, or else its own; null if it is for no patient. */
  readonly granted: string | null
  readonly context: {
    readonly study?: string
    readonly unproven?: Unproven
    readonly policies?: readonly ClientPolicy[]
  }
  readonly organization: string | null
  readonly policies: readonly ClientPolicy[]
  readonly practitioner: string | null
  /** Whether they do not act as staff through this client. */
  readonly outsider: boolean
  /** Whether the person's account is an administrator's. */
  readonly administrator: boolean
  readonly patients: readonly string[]
  /** In how many compartments the patients are. */
  readonly compartments: number
  /** For a grant that came by an invitation only: whether somebody has an account for its Patient, or the Patient was joined with another. */
  readonly held: boolean
  readonly organizations: readonly string[]
}

export const toCaller = (found: TokenRow): Caller => {
  const row = inRole(found)
  const patient = patientOf(row)
  const caller: Caller = {
    principal: principalOf(row, row === found ? undefined : patient),
    client: clientOf(row),
    administrator: row.kind === 'administrator' || row.administrator,
    organizations: row.kind === 'client' && row.organization !== null ? [row.organization] : row.organizations,
    scopes: parseScopes(row.scope),
    ...(row.person_id === null ? {} : { person: { id: row.person_id } }),
    ...(row.practitioner === null ? {} : { practitioner: row.practitioner }),
    ...(patient === undefined ? {} : { patient }),
    ...(row.context.study === undefined ? {} : { study: row.context.study }),
    ...(row.context.unproven === undefined ? {} : { unproven: { ...row.context.unproven, isHeld: row.held } }),
  }
  return withFhirUser(caller, patient === undefined ? found : row)
}

/**
 * Nobody can let any app have what they see as staff, or administer. Through a client that nobody for whom they work has approved, they do not act as
 * staff or administrator, and only `patient/` scopes count. With a token for a patient that they are themselves, they are that patient and nobody
 * else, through whichever app.
 */
const inRole = (row: TokenRow): TokenRow => {
  const { kind, outsider, practitioner, administrator } = row
  if (kind !== 'user' || (practitioner === null && !administrator)) return row
  const other = { ...row, practitioner: null, administrator: false, organizations: [] }
  if (outsider) return { ...other, scope: row.scope.split(' ').filter(isPatients).join(' ') }
  return isOwnPatients(row) ? other : row
}

/** Scopes that are not resource scopes count as well. */
const isPatients = (word: string): boolean => (parseScope(word)?.context ?? 'patient') === 'patient'

const isOwnPatients = ({ patient_id, patients, granted }: TokenRow): boolean =>
  patients.some(one => one === patient_id) && parseScopes(granted ?? '').some(({ context }) => context === 'patient')

const clientOf = ({ kind, client_id: id, organization, policies, context }: TokenRow): Caller['client'] => ({
  id,
  ...(organization === null ? {} : { organization }),
  policies: new Set([...policies, ...(kind === 'client' ? (context.policies ?? []) : [])]),
})

/** Staff can have any patient of a launch, other people only one that they are. A person who is one patient needs no launch. */
const patientOf = ({ kind, patient_id, practitioner, patients, compartments }: TokenRow): string | undefined => {
  if (kind !== 'user' || practitioner !== null) return patient_id ?? undefined
  if (patient_id !== null) return patients.find(one => one === patient_id)
  return compartments === 1 ? patients[0] : undefined
}

/**
 * What staff write as the patient that they are themselves is not signed with their Practitioner. An app that nobody has confirmed is told apart from
 * whoever else writes for the patient, since of what is sent it may be shown only what it has sent itself.
 */
const principalOf = (row: TokenRow, otherwise: string | undefined): Principal => {
  const { kind, person_id, patient_id, client_id, grant_id, context } = row
  if (otherwise !== undefined) return { kind: 'patient', id: otherwise }
  if (kind === 'user' && person_id !== null) return { kind: 'person', id: person_id }
  if (kind === 'patient' && patient_id !== null) {
    const isUnproven = context.unproven !== undefined && grant_id !== null
    return { kind: 'patient', id: patient_id, ...(isUnproven ? { app: grant_id } : {}) }
  }
  return { kind: 'client', id: client_id }
}

const withFhirUser = (caller: Caller, row: TokenRow): Caller => {
  const fhirUser = fhirUserOf(row, caller.patient)
  return fhirUser === undefined ? caller : { ...caller, fhirUser }
}

/** Practitioner for staff, Patient for patients, else Person, if `openid fhirUser` was granted. */
const fhirUserOf = (row: TokenRow, patient: string | undefined): Caller['fhirUser'] => {
  const words = row.scope.split(' ')
  if (!words.includes('openid') || !words.includes('fhirUser')) return undefined
  if (row.practitioner !== null) return { type: 'Practitioner', id: row.practitioner }
  if (patient !== undefined) return { type: 'Patient', id: patient }
  return row.person_id === null ? undefined : { type: 'Person', id: row.person_id }
}
