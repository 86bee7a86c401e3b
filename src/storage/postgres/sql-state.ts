import pg from 'pg'
import { FhirError, type IssueCode } from '../../fhir/error.ts'

const noText = ['invalid', 'A text may not contain the character U+0000'] as const
const halfPair = ['invalid', 'A text may not contain half of a surrogate pair'] as const
const unreachable = ['transient', 'The database cannot be reached at the moment; try again'] as const
const tooLong = [
  'too-costly',
  'Answering this takes longer than allowed; narrow it, for example by patient, code or date',
] as const

/** SQLSTATE → FHIR issue code; anything else is a fault. https://www.postgresql.org/docs/current/errcodes-appendix.html */
const codeByState: Readonly<Record<string, readonly [IssueCode, string]>> = {
  '22021': noText,
  '22P05': noText,
  'half a pair': halfPair,
  '23505': ['duplicate', 'The same resource is being written by another request'],
  '40001': ['transient', 'The database was busy with a conflicting change; try again'],
  '40P01': ['transient', 'The database was busy with a conflicting change; try again'],
  '55P03': ['transient', 'The database was busy with a conflicting change; try again'],
  '57014': tooLong,
  // The operator's own limits on transactions, and on files for sorting.
  '25P04': tooLong,
  '53400': [
    'too-costly',
    'Answering this takes more room than the database allows; narrow it, for example by patient, code or date',
  ],
  SW001: ['too-costly', 'There are more samples than are counted at once; choose fewer days'],
  // After a failover, another server accepts writes; and some providers stop writes before the disk is full.
  '25006': ['transient', 'The database takes no writes at the moment; try again later'],
  '53100': ['transient', 'The database has no room on its disk at the moment; try again later'],
  '53200': ['transient', 'The database has no memory free at the moment; try again later'],
  '53300': ['transient', 'The database has no connection free; try again'],
  // Ended because nothing was said for so long, as may happen while this process is kept from its work.
  '25P03': unreachable,
  '57P05': unreachable,
  // It does not let anybody in: its password or its name is being changed.
  '28000': unreachable,
  '28P01': unreachable,
  '3D000': unreachable,
  '57P02': unreachable,
  '57P03': unreachable,
  lost: unreachable,
  '57P01': ['transient', 'The database is restarting; try again'],
}

/** Throws what clients are told of an error of PostgreSQL. */
export type Fail = (error: unknown) => Promise<never>

export const failure =
  (toldOfFault: (fault: unknown) => Promise<unknown>): Fail =>
  async error => {
    const known = codeByState[stateOf(error)]
    throw known === undefined ? await toldOfFault(error) : new FhirError(known[0], known[1], { cause: error })
  }

/** If two choose the same id at the same time, the second is retried, finds what the first has made, and changes it. */
const stateOf = (error: unknown): string => {
  if (isLost(error)) return 'lost'
  const { code, constraint, detail } = error instanceof pg.DatabaseError ? error : {}
  // Of all invalid JSON, only this can come from outside, since JavaScript has written the rest.
  if (code === '22P02' && detail?.startsWith('Unicode ')) return 'half a pair'
  return constraint === 'resource_identity_pkey' ? serializationFailure : (code ?? '')
}
const serializationFailure = '40001'

/** Faults of the connection have no SQLSTATE, only a code of the system's, or pg's words. */
export const isLost = (error: unknown): boolean =>
  error instanceof Error &&
  !(error instanceof pg.DatabaseError) &&
  (('code' in error && lostBy.has(error.code)) ||
    /^Connection terminated|is not queryable$|^Query read timeout$|^timeout expired$/.test(error.message))

const lostBy: ReadonlySet<unknown> = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT'],
  ...['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN'],
  // Its name is not found, or nobody answers who would know.
  ...['ENOTFOUND', 'EAI_AGAIN'],
  // This process, or its machine, can open nothing more.
  ...['EMFILE', 'ENFILE', 'ENOBUFS', 'EADDRNOTAVAIL'],
])

/** For the error as PostgreSQL sends it: it cannot be reached, or lets nobody in since it is ending or has just begun. */
export const isAway = (error: unknown): boolean =>
  isLost(error) || (error instanceof pg.DatabaseError && (error.code === '57P01' || error.code === '57P03'))

export const isDeadlock = (error: unknown): boolean => isOfState(error, '40P01')

export const isNoRoom = (error: unknown): boolean => isOfState(error, '53100')

/** Also for the error as PostgreSQL sends it: it lets in nobody more, or nobody more of this role. */
export const hasNoConnection = (error: unknown): boolean =>
  isOfState(error, '53300') || (error instanceof Error && 'code' in error && error.code === '53300')

export const isLockTimeout = (error: unknown): boolean => isOfState(error, '55P03')

/** A conflict with another transaction, or a passing fault: nobody is to blame, and the whole transaction is retried. */
export const isConflict = (error: unknown): boolean =>
  error instanceof FhirError && error.issues[0].code === 'transient'

/** PostgreSQL gave it up for the sake of another transaction: nothing was done. */
export const isGivenUp = (error: unknown): boolean => isDeadlock(error) || isOfState(error, serializationFailure)

/** For the error as PostgreSQL sends it: an earlier statement of the transaction has failed. */
export const isAborted = (error: unknown): boolean => error instanceof pg.DatabaseError && error.code === '25P02'

const isOfState = (error: unknown, state: string): boolean =>
  error instanceof FhirError && error.cause instanceof pg.DatabaseError && error.cause.code === state
