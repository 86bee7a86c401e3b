import type { Connection } from '../database.ts'
import { hashOf, isSecret, newSecret } from '../secret/secret.ts'
import { sql } from '../sql.ts'

/** What a link is for. `wasSent`: it was sent to the address, so that whoever has it reads the mail of that address. */
export type Link =
  | {
      readonly purpose: 'new-account'
      /** Absent if whoever makes the account chooses the address. */
      readonly email?: string
      readonly administrator: boolean
      readonly wasSent: boolean
    }
  /** `email`: the account's address for which it was made. `administrator`: the account administers the installation from then on. */
  | {
      readonly purpose: 'new-password'
      readonly person: string
      readonly email: string
      readonly wasSent: boolean
      readonly administrator?: true
    }
  /** Always sent to the address. */
  | { readonly purpose: 'verification'; readonly person: string; readonly email: string }
  /** Lets whoever reads the mail of the address take it off the account. */
  | { readonly purpose: 'not-mine'; readonly person: string; readonly email: string }

/** Answers the secret in the link, of which only the hash is stored. It can be used once. */
export const makeLink = async (connection: Connection, link: Link, minutes: number): Promise<string> => {
  const secret = newSecret()
  const { purpose, email, person, administrator, was_sent } = toRow(link)
  await connection.run(sql.fragment`DELETE FROM account_link WHERE expires_at <= now()`)
  await connection.run(sql.fragment`
    INSERT INTO account_link (hash, purpose, email, person, administrator, was_sent, expires_at)
    VALUES (${hashOf(secret)}, ${purpose}, ${email}, ${person}, ${administrator}, ${was_sent},
      now() + make_interval(mins => ${minutes}))`)
  return secret
}

/** What the link is for. It is not used up, since programs that read mail open links before people do. */
export const findLink = async (connection: Connection, secret: string): Promise<Link | undefined> => {
  if (!isSecret(secret)) return undefined
  const row = await connection.maybeOne<LinkRow>(sql.fragment`
    SELECT ${columns} FROM account_link WHERE hash = ${hashOf(secret)} AND expires_at > now()`)
  return row && toLink(row)
}

/** Uses the link up. If two present it at the same time, one gets false. */
export const takeLink = async (connection: Connection, secret: string): Promise<boolean> =>
  isSecret(secret) &&
  (await connection.run(sql.fragment`
    DELETE FROM account_link WHERE hash = ${hashOf(secret)} AND expires_at > now()`)) > 0

/** All links of the person's account. */
export const dropLinks = async (connection: Connection, person: string): Promise<void> => {
  await connection.run(sql.fragment`DELETE FROM account_link WHERE person = ${person}`)
}

/** Whether the operator has invited the address to an account without an administrator's rights. */
export const hasInvitation = async (connection: Connection, email: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`
    SELECT FROM account_link
    WHERE purpose = 'new-account' AND email = ${email} AND NOT administrator AND NOT was_sent AND expires_at > now()`)) !==
  undefined

/** All links that would make an account of the address. */
export const dropInvitations = async (connection: Connection, email: string): Promise<void> => {
  await connection.run(sql.fragment`DELETE FROM account_link WHERE purpose = 'new-account' AND email = ${email}`)
}

/** All links that would make an administrator. */
export const dropAdministratorLinks = async (connection: Connection): Promise<void> => {
  await connection.run(sql.fragment`DELETE FROM account_link WHERE administrator`)
}

const columns = sql.fragment`purpose, email, person, administrator, was_sent`

type LinkRow = {
  readonly purpose: Link['purpose']
  readonly email: string | null
  readonly person: string | null
  readonly administrator: boolean
  readonly was_sent: boolean
}

const toRow = (link: Link): LinkRow => ({
  purpose: link.purpose,
  email: 'email' in link ? link.email : null,
  person: 'person' in link ? link.person : null,
  administrator: 'administrator' in link && link.administrator === true,
  was_sent: 'wasSent' in link ? link.wasSent : true,
})

/** Only `toRow` makes rows, so what a purpose needs is there. */
const toLink = ({ purpose, email, person, administrator, was_sent: wasSent }: LinkRow): Link => {
  switch (purpose) {
    case 'new-account':
      return { purpose, administrator, wasSent, ...(email === null ? {} : { email }) }
    case 'new-password':
      return { purpose, person: person ?? '', email: email ?? '', wasSent, ...(administrator && { administrator }) }
    case 'verification':
    case 'not-mine':
      return { purpose, person: person ?? '', email: email ?? '' }
  }
}
