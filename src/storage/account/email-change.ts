import type { Connection } from '../database.ts'
import { hashOf, isSecret, newSecret } from '../secret/secret.ts'
import { type SqlFragment, sql } from '../sql.ts'

/** A new address that somebody wants for their account. */
export type EmailChange = {
  readonly person: string
  /** The new address. */
  readonly email: string
  /** To which address the link was sent by which it was found: the old one or the new one. */
  readonly end: 'old' | 'new'
  readonly isConfirmed: { readonly old: boolean; readonly new: boolean }
}

export const emailChangeMinutes = 30

/** Answers the secrets for the links to both addresses, valid for so long. A new request replaces the previous one. */
export const wantEmail = async (
  connection: Connection,
  { person, email, isConfirmed }: Pick<EmailChange, 'person' | 'email' | 'isConfirmed'>,
): Promise<{ readonly old: string; readonly new: string }> => {
  const secrets = { old: newSecret(), new: newSecret() }
  await connection.run(sql.fragment`
    INSERT INTO email_change (person, email, old_hash, new_hash, old_confirmed, new_confirmed, expires_at)
    VALUES (${person}, ${email}, ${hashOf(secrets.old)}, ${hashOf(secrets.new)}, ${isConfirmed.old}, ${isConfirmed.new},
      now() + make_interval(mins => ${emailChangeMinutes}))
    ON CONFLICT (person) DO UPDATE SET email = excluded.email, old_hash = excluded.old_hash, new_hash = excluded.new_hash,
      old_confirmed = excluded.old_confirmed, new_confirmed = excluded.new_confirmed, expires_at = excluded.expires_at`)
  return secrets
}

export const findEmailChange = async (connection: Connection, secret: string): Promise<EmailChange | undefined> => {
  if (!isSecret(secret)) return undefined
  const row = await connection.maybeOne<Row>(sql.fragment`
    SELECT ${columns(secret)} FROM email_change WHERE ${isOf(secret)}`)
  return row && toChange(row)
}

/** Confirms one of the two addresses; the other one stays as it was. */
export const confirmEnd = async (connection: Connection, secret: string): Promise<EmailChange | undefined> => {
  if (!isSecret(secret)) return undefined
  const row = await connection.maybeOne<Row>(sql.fragment`
    UPDATE email_change SET
      old_confirmed = old_confirmed OR old_hash = ${hashOf(secret)},
      new_confirmed = new_confirmed OR new_hash = ${hashOf(secret)}
    WHERE ${isOf(secret)}
    RETURNING ${columns(secret)}`)
  return row && toChange(row)
}

/** To be called when the change is done, or no longer wanted. False if there is none. */
export const dropEmailChange = async (connection: Connection, person: string): Promise<boolean> =>
  (await connection.run(sql.fragment`DELETE FROM email_change WHERE person = ${person}`)) > 0

const isOf = (secret: string): SqlFragment =>
  sql.fragment`(old_hash = ${hashOf(secret)} OR new_hash = ${hashOf(secret)}) AND expires_at > now()`

const columns = (secret: string): SqlFragment =>
  sql.fragment`person, email, old_confirmed, new_confirmed, old_hash = ${hashOf(secret)} AS is_old`

type Row = {
  readonly person: string
  readonly email: string
  readonly old_confirmed: boolean
  readonly new_confirmed: boolean
  readonly is_old: boolean
}

const toChange = ({ person, email, old_confirmed, new_confirmed, is_old }: Row): EmailChange => ({
  person,
  email,
  end: is_old ? 'old' : 'new',
  isConfirmed: { old: old_confirmed, new: new_confirmed },
})
