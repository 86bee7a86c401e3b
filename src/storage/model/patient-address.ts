import type { ContactPoint, Patient } from '@medplum/fhirtypes'
import { toAddress } from '../account/user-account.ts'
import type { Connection } from '../database.ts'
import { columnOf, type SqlFragment, sql } from '../sql.ts'
import { spellingsOfMobile, toMobile } from './mobile-number.ts'
import type { Projection } from './projection.ts'

/** Where a message goes: an e-mail address in lower case, or a mobile number in E.164. */
export type Address = { readonly channel: Channel; readonly address: string }

export type Channel = 'email' | 'sms'

/**
 * Where a patient is written to: for each channel, e-mail first, the first address in the record that is not an old one. A record may come from
 * anywhere, so a number in it that does not say its country is nobody's.
 */
export const addressesOf = ({ telecom = [] }: Patient): readonly Address[] => {
  const email = telecom.find(isOf.email)?.value
  const mobile = telecom.filter(isOf.sms).flatMap(({ value = '' }) => toMobile(value) ?? [])[0]
  return [
    ...(email === undefined ? [] : [{ channel: 'email', address: toAddress(email) } as const]),
    ...(mobile === undefined ? [] : [{ channel: 'sms', address: mobile } as const]),
  ]
}

/** Whether an entry of `telecom` is a present address for the channel. */
export const isOf: Readonly<Record<Channel, (entry: ContactPoint) => boolean>> = {
  email: ({ system, use, value }) => system === 'email' && use !== 'old' && value !== undefined,
  sms: ({ system, use }) => (system === 'sms' && use !== 'old') || (system === 'phone' && use === 'mobile'),
}

/** Whether the record names a mobile number, and none that a message could be sent to. */
export const hasOnlyUnreadMobiles = ({ telecom = [] }: Patient): boolean => {
  const mobiles = telecom.filter(isOf.sms)
  return mobiles.length > 0 && mobiles.every(({ value = '' }) => toMobile(value) === undefined)
}

/** When an address changes, the links that were sent to the old one end, and whoever reads it is told that it was changed. */
export const followAddresses: Projection<Patient> = async (connection, changes) => {
  for (const { id, versionId, resource } of changes)
    if (versionId !== '1') await endOfOtherAddresses(connection, id, resource)
}

const endOfOtherAddresses = async (connection: Connection, patient: string, resource: Patient | undefined) => {
  const addresses = resource === undefined ? [] : addressesOf(resource)
  const own = columnOf(addresses.flatMap(asWritten), ({ channel, address }) => `${channel} ${address}`, 'text')
  const isOther = sql.fragment`NOT (channel || ' ' || address = ANY (${own}))`
  await connection.run(sql.fragment`
    UPDATE invitation SET ended_at = now(), ended_by = 'address'
    WHERE patient = ${patient} AND ended_at IS NULL AND id IN (
      SELECT invitation FROM study_message WHERE patient = ${patient} AND ${isOther})`)
  await connection.run(sql.fragment`
    UPDATE study_message SET state = 'failed', reason = 'The address was changed', ended_at = now()
    WHERE patient = ${patient} AND state = 'waiting' AND kind <> 'address-changed' AND ${isOther}`)
  if (resource !== undefined) await tellOldAddresses(connection, patient, isOther)
}

/** A number that an earlier version read otherwise, and wrote to, was not changed by anybody. */
const asWritten = ({ channel, address }: Address): readonly Address[] =>
  channel === 'email'
    ? [{ channel, address }]
    : spellingsOfMobile(address, undefined).map(spelling => ({ channel, address: spelling }))

/** Each old address is told once, if it was written to before: an address that never heard of us does not hear of this either. */
const tellOldAddresses = async (connection: Connection, patient: string, isOther: SqlFragment) => {
  await connection.run(sql.fragment`
    INSERT INTO study_message (id, patient, kind, channel, address)
    SELECT gen_random_uuid()::text, patient, 'address-changed', channel, address
    FROM (
      SELECT DISTINCT ON (channel, address) patient, channel, address, kind
      FROM study_message
      WHERE patient = ${patient} AND address IS NOT NULL AND (tries > 0 OR state = 'sent' OR kind = 'address-changed') AND ${isOther}
      ORDER BY channel, address, made_at DESC, id DESC) AS last
    WHERE kind <> 'address-changed'`)
}
