import { FhirError } from '../../fhir/error.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import { createGrant, findGrant, type NewGrant, revokeGrants } from './authorization-grant.ts'
import { findRecord, keepOnce } from './authorization-record.ts'

/** A key as a partner sends it. */
export type SerializedKey = {
  readonly [member in 'material' | 'algorithm' | 'library' | 'serialization_mode']: string
}

/** What a client that shares by links says about itself. */
export type SaidPartner = {
  readonly name?: string
  readonly logo_uri?: string
  readonly signing_keys?: readonly SerializedKey[]
}

export const findSaid = async (connection: Connection, client: string): Promise<SaidPartner> => {
  const found = sql.fragment`SELECT said FROM sharing_partner WHERE client_id = ${client}`
  return (await connection.maybeOne<{ readonly said: SaidPartner }>(found))?.said ?? {}
}

/** What it does not mention stays as it was. */
export const keepSaid = async (connection: Connection, client: string, said: SaidPartner): Promise<void> => {
  await connection.run(sql.fragment`
    INSERT INTO sharing_partner AS known (client_id, said) VALUES (${client}, ${JSON.stringify(said)}::jsonb)
    ON CONFLICT (client_id) DO UPDATE SET said = known.said || excluded.said`)
}

/** What a link asks for. It can be used once. */
export type SharingAsked = {
  readonly client: string
  /** The id by which the partner knows the patient. */
  readonly user: string
  readonly request: string
  readonly encryptionKey: SerializedKey
  readonly ttlSeconds: number
}

export const isLinkUsed = async (connection: Connection, asked: SharingAsked): Promise<boolean> =>
  (await findRecord(connection, linkKind, keyOf(asked))) !== undefined

/**
 * In the transaction of the connection: makes a grant and, if a link asked for it, what is shared by the grant, which replaces what was shared
 * before. Throws `conflict` if the link was used, and `business-rule` if another human shares under its id.
 */
export const createSharing = async (
  connection: Connection,
  grant: NewGrant,
  asked: SharingAsked | undefined,
): Promise<string | undefined> => {
  const id = await createGrant(connection, grant)
  if (id === undefined || asked === undefined) return id
  const { client, user, encryptionKey, ttlSeconds } = asked
  const used = { kind: linkKind, key: keyOf(asked), payload: {}, ttlSeconds }
  if (!(await keepOnce(connection, used))) throw new FhirError('conflict', 'The link was used already')
  const key = sql.fragment`${JSON.stringify(encryptionKey)}::jsonb`
  const made = await connection.run(sql.fragment`
    INSERT INTO partner_sharing (client_id, user_id, grant_id, encryption_key)
    VALUES (${client}, ${user}, ${id}, ${key}) ON CONFLICT DO NOTHING`)
  if (made > 0) return id
  const where = sql.fragment`WHERE client_id = ${client} AND user_id = ${user}`
  const before = await connection.one<{ readonly id: string }>(
    sql.fragment`SELECT grant_id AS id FROM partner_sharing ${where} FOR UPDATE`,
  )
  const earlier = await findGrant(connection, before.id)
  if (earlier !== undefined && !(await areOneHuman(connection, earlier.patient, grant.patient)))
    throw new FhirError('business-rule', 'Another patient shares under this id')
  await revokeGrants(connection, before)
  await connection.run(sql.fragment`UPDATE partner_sharing SET grant_id = ${id}, encryption_key = ${key} ${where}`)
  return id
}

/** It does not matter which of several records the grant names, if they are in one compartment. */
const areOneHuman = async (
  connection: Connection,
  one: string | undefined,
  other: string | undefined,
): Promise<boolean> =>
  one === other ||
  (await connection.maybeOne(sql.fragment`
    SELECT FROM patient_compartment AS own JOIN patient_compartment AS others USING (patient_id)
    WHERE own.id = ${one ?? null} AND others.id = ${other ?? null}`)) !== undefined

/** Even if the grant is no longer in force. */
export const findSharing = (connection: Connection, client: string, user: string): Promise<Sharing | undefined> =>
  connection.maybeOne(sql.fragment`
    SELECT grant_id AS grant, encryption_key AS "encryptionKey"
    FROM partner_sharing WHERE client_id = ${client} AND user_id = ${user}`)

type Sharing = { readonly grant: string; readonly encryptionKey: SerializedKey }

const linkKind = 'SharingLink'

const keyOf = ({ client, request }: SharingAsked): string => `${client} ${request}`
