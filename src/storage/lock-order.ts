import { isShared, type Keys } from './lock-keys.ts'
import { type SqlFragment, sql } from './sql.ts'

type Lock = {
  /** Waits for all of them, in the order of their keys. */
  readonly waiting: (keys: Keys) => SqlFragment
  /** The same, but it waits for none, and answers in `areFree` whether it has got all. */
  readonly trying: (keys: Keys) => SqlFragment
}

/** A number is made of each key. Those of one number are one lock. */
const numbered = (room: SqlFragment, number: SqlFragment): Lock => {
  const taking = (take: (word: SqlFragment) => SqlFragment) => sql.fragment`
    CASE WHEN is_shared THEN ${take(sql.fragment`_shared`)} ELSE ${take(sql.fragment``)} END`
  const turns = (keys: Keys) => sql.fragment`(
    SELECT ${number} AS number, bool_and(is_shared) AS is_shared
    FROM unnest(
      ${sql.array([...keys.keys()], 'text')},
      ${sql.array(
        [...keys.values()].map(mode => mode === 'shared'),
        'bool',
      )}) AS asked(key, is_shared)
    GROUP BY 1 ORDER BY 1) AS turn`
  return {
    waiting: keys => sql.fragment`
      SELECT ${taking(word => sql.fragment`pg_advisory_xact_lock${word}(${room}, number)::text`)} FROM ${turns(keys)}`,
    trying: keys => sql.fragment`
      SELECT bool_and(${taking(word => sql.fragment`pg_try_advisory_xact_lock${word}(${room}, number)`)}) AS "areFree"
      FROM ${turns(keys)}`,
  }
}

/** One lock, whatever its key. */
const single = (number: SqlFragment): Lock => {
  const word = (keys: Keys) => (isShared(keys) ? sql.fragment`_shared` : sql.fragment``)
  return {
    waiting: keys => sql.fragment`SELECT pg_advisory_xact_lock${word(keys)}(${number})`,
    trying: keys => sql.fragment`SELECT pg_try_advisory_xact_lock${word(keys)}(${number}) AS "areFree"`,
  }
}

/** Rows, as far as they are there; `key` names each among them. */
const rowsOf = (table: SqlFragment, key: SqlFragment, isAsked: (keys: SqlFragment) => SqlFragment): Lock => {
  const found = (keys: Keys) =>
    sql.fragment`SELECT ${key} FROM ${table} WHERE ${isAsked(sql.fragment`${sql.array([...keys.keys()], 'text')}`)}`
  const strength = (keys: Keys) => (isShared(keys) ? sql.fragment`FOR SHARE` : sql.fragment`FOR UPDATE`)
  return {
    waiting: keys => sql.fragment`${found(keys)} ORDER BY ${key} ${strength(keys)}`,
    trying: keys => sql.fragment`
      WITH free AS MATERIALIZED (${found(keys)} ${strength(keys)} SKIP LOCKED)
      SELECT NOT EXISTS (${found(keys)} EXCEPT SELECT * FROM free) AS "areFree"`,
  }
}

/**
 * The turns and rows for which a transaction may wait while it holds others, in the one order in which it waits for them: for each kind only as long as
 * it holds none of that kind, and none of a later one (`locking.ts`). What comes before all of these, such as the turn of an invitation, is taken before
 * anything is written. Not among them are new ids and the keys of documents, which are taken in an order of their own.
 */
const inOrder = {
  /** Nobody else writes; each who writes has a share in it, by their BEGIN. */
  alone: single(sql.fragment`hashtext('patient_compartment')`),
  /** What criteria mean. There are no more than PostgreSQL's table of locks can hold, so that some share one; so it is with `device`. */
  meaning: numbered(sql.fragment`23167`, sql.fragment`(hashtextextended(key, 0) & 1023)::integer`),
  /** Who may change what, and whom consents reach: organizations, roles, studies and their Groups. The triggers of `grantee_reach` take it, too. */
  reach: single(sql.fragment`hashtextextended('practitioner_grantee', 0)`),
  /** From which source a Device measures, by its id: a share for whoever stores what it has measured. */
  device: numbered(sql.fragment`14578126`, sql.fragment`(hashtext(key) & 1023)`),
  /** The identity of a resource, by the number of its type and its id. Whoever changes the resource holds it. */
  place: rowsOf(
    sql.fragment`resource_identity`,
    sql.fragment`type_id, id`,
    keys => sql.fragment`(type_id, id) IN (
      SELECT split_part(key, '/', 1)::smallint, split_part(key, '/', 2) FROM unnest(${keys}) AS key)`,
  ),
  /** The enrolments and Consents of a patient, by the patient's number. */
  patient: numbered(sql.fragment`hashtext('consent')`, sql.fragment`key::integer`),
  /** Those of everybody: a share for whoever has the turn of one patient. */
  everybody: single(sql.fragment`hashtext('consent of everybody')`),
  /** The row of a study, by its id: a share for whoever writes an enrolment or a Consent. */
  study: rowsOf(sql.fragment`study`, sql.fragment`id`, keys => sql.fragment`id = ANY(${keys})`),
  /** What a patient's Observations are derived from, by the patient's number: a share for whoever stores one under an id of its writer's own. */
  source: numbered(sql.fragment`hashtext('derived_from')`, sql.fragment`key::integer`),
} satisfies Readonly<Record<string, Lock>>

export type LockKind = keyof typeof inOrder

export const lockOrder = Object.keys(inOrder) as readonly LockKind[]

export const locks: Readonly<Record<LockKind, Lock>> = inOrder
