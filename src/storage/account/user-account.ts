import { FhirError } from '../../fhir/error.ts'
import type { Connection } from '../database.ts'
import { typeIdOf } from '../row.ts'
import { type SqlFragment, sql } from '../sql.ts'

/** Who signs in with an address. (FHIR's Account is something else.) */
export type UserAccount = {
  /** Id of the Person. */
  readonly person: string
  /** In lower case; absent if it was taken off the account, and its holder has not given another yet. */
  readonly email?: string
  /** Argon2id, as a PHC string; absent if none was chosen yet. */
  readonly password?: string
  /** Whether whoever reads the mail of the address has confirmed it. */
  readonly isVerified: boolean
  readonly administrator: boolean
  /** A tag of BCP 47: the language of messages to them. */
  readonly language: string
}

export type AddressedAccount = UserAccount & Required<Pick<UserAccount, 'email'>>

export const findAccountByEmail = async (
  connection: Connection,
  email: string,
): Promise<AddressedAccount | undefined> => {
  const account = await findAccount(connection, sql.fragment`email = ${toAddress(email)}`)
  return account && isAddressed(account) ? account : undefined
}

/** By an address that was taken off the account, and that may be another account's by now. */
export const findAccountByFormerEmail = (connection: Connection, email: string): Promise<UserAccount | undefined> =>
  findAccount(connection, sql.fragment`former_email = ${toAddress(email)}`)

/** Whether the address was taken off any account at all. */
export const isAnyWithoutAddress = async (connection: Connection): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`SELECT FROM user_account WHERE former_email IS NOT NULL LIMIT 1`)) !==
  undefined

export const isAddressed = (account: UserAccount): account is AddressedAccount => account.email !== undefined

export const findAccountOf = (connection: Connection, person: string): Promise<UserAccount | undefined> =>
  findAccount(connection, sql.fragment`person = ${person}`)

/** False if the address or the Person already has an account. */
export const addAccount = async (
  connection: Connection,
  account: Pick<AddressedAccount, 'person' | 'email' | 'password' | 'isVerified' | 'administrator'> &
    Partial<Pick<UserAccount, 'language'>>,
): Promise<boolean> => {
  const { person, email, password, isVerified, administrator, language = 'en' } = account
  const added = await connection.run(sql.fragment`
    INSERT INTO user_account (email, person, password, verified_at, administrator, language)
    VALUES (${toAddress(email)}, ${person}, ${password ?? null}, ${verifiedAt(isVerified)}, ${administrator}, ${language})
    ON CONFLICT DO NOTHING`)
  return added > 0
}

/** `proves`: it was chosen through a link that was sent to the account's address only. */
export const setPassword = async (
  connection: Connection,
  person: string,
  password: string,
  { proves }: { readonly proves: boolean },
): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE user_account SET password = ${password}, verified_at = coalesce(verified_at, ${verifiedAt(proves)})
    WHERE person = ${person}`)
}

/** Until the transaction ends, nobody else can change how the person signs in, and the Person stays active, if they are. */
export const lockAccount = async (connection: Connection, person: string): Promise<void> => {
  // First, since whoever deletes a Person has locked it before the account is deleted with it.
  await connection.run(sql.fragment`
    SELECT FROM resource_identity WHERE type_id = ${typeIdOf('Person')} AND id = ${person} FOR UPDATE`)
  await connection.run(sql.fragment`SELECT FROM user_account WHERE person = ${person} FOR UPDATE`)
}

/** False if the account has another address. */
export const verifyAddress = async (
  connection: Connection,
  { person, email }: Pick<AddressedAccount, 'person' | 'email'>,
): Promise<boolean> =>
  (await connection.run(sql.fragment`
    UPDATE user_account SET verified_at = coalesce(verified_at, now()) WHERE person = ${person} AND email = ${email}`)) >
  0

/** False if the account has another address, or the address was confirmed. A former address signs in to one account only, the latest. */
export const takeAddressOff = async (
  connection: Connection,
  { person, email }: Pick<AddressedAccount, 'person' | 'email'>,
): Promise<boolean> => {
  const taken = await connection.run(sql.fragment`
    UPDATE user_account SET email = NULL WHERE person = ${person} AND email = ${email} AND verified_at IS NULL`)
  if (taken === 0) return false
  await connection.run(sql.fragment`UPDATE user_account SET former_email = NULL WHERE former_email = ${email}`)
  await connection.run(sql.fragment`UPDATE user_account SET former_email = ${email} WHERE person = ${person}`)
  return true
}

/** False if another account has it. */
export const replaceAddress = async (
  connection: Connection,
  { person, email, isVerified }: Pick<AddressedAccount, 'person' | 'email' | 'isVerified'>,
): Promise<boolean> =>
  (await connection.run(sql.fragment`
    UPDATE user_account SET email = ${email}, former_email = NULL, verified_at = ${verifiedAt(isVerified)}
    WHERE person = ${person} AND NOT EXISTS (SELECT FROM user_account WHERE email = ${email})`)) > 0

export const setLanguage = async (connection: Connection, person: string, language: string): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE user_account SET language = ${language} WHERE person = ${person} AND language <> ${language}`)
}

/** For a Person who no longer exists: nobody can sign in as them. What else they had access by ends with `endAccess`. */
export const closeAccount = async (connection: Connection, person: string): Promise<void> => {
  for (const table of ['user_account', 'recovery_code'])
    await connection.run(sql.fragment`DELETE FROM ${sql.identifier([table])} WHERE person = ${person}`)
}

export const hasAdministrator = async (connection: Connection): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`SELECT FROM user_account WHERE administrator`)) !== undefined

/**
 * Lets the operator give the address to the Person, if nobody has it yet. The Person's own telecom is not considered: whoever manages the Person
 * writes it, and could choose whose account somebody else's address opens. Answers the id of the Person who signs in with the address.
 */
export const openAccount = async (connection: Connection, email: string, person?: string): Promise<string> => {
  const known = (await findAccountByEmail(connection, email))?.person
  if (known !== undefined) {
    if (person === undefined || person === known) return known
    throw new FhirError('conflict', `${email} is the address of Person/${known} already`)
  }
  if (person === undefined)
    throw new FhirError('not-found', `Nobody signs in with ${email} yet: say which Person it is the address of`)
  const own = (await findAccountOf(connection, person))?.email
  if (own !== undefined) throw new FhirError('conflict', `Person/${person} signs in with ${own} already`)
  const given = await connection.run(sql.fragment`
    INSERT INTO user_account (email, person) SELECT ${toAddress(email)}, id FROM person WHERE id = ${person}
    ON CONFLICT (person) DO UPDATE SET email = excluded.email, former_email = NULL WHERE user_account.email IS NULL`)
  if (given === 0) throw new FhirError('not-found', `Person/${person} is not known`)
  return person
}

/**
 * Spellings of an address that differ only in case are the same address. Marks of direction and the like, which come unseen with an address that is
 * copied, are no part of one: no mail would arrive.
 */
export const toAddress = (email: string): string => email.replace(unseen, '').trim().normalize('NFC').toLowerCase()

const unseen = /[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g

const verifiedAt = (is: boolean): SqlFragment => (is ? sql.fragment`now()` : sql.fragment`NULL::timestamptz`)

const findAccount = async (connection: Connection, where: SqlFragment): Promise<UserAccount | undefined> => {
  const row = await connection.maybeOne<AccountRow>(sql.fragment`
    SELECT person, email, password, verified_at IS NOT NULL AS verified, administrator, language FROM user_account WHERE ${where}`)
  if (row === undefined) return undefined
  const { email, password, verified, ...account } = row
  return {
    ...account,
    ...(email === null ? {} : { email }),
    ...(password === null ? {} : { password }),
    isVerified: verified,
  }
}

type AccountRow = Pick<UserAccount, 'person' | 'administrator' | 'language'> & {
  readonly email: string | null
  readonly password: string | null
  readonly verified: boolean
}
