import type { Connection, Database } from '../../database.ts'
import { columnOf, sql } from '../../sql.ts'
import { findChangedEvent } from '../written-events.ts'
import { type AuditKey, digestOf, headOf, markOf, marksIn } from './chain.ts'
import type { AuditHead } from './seal.ts'
import { everything, laterThan, nothing, recordsBetween } from './sealed-rows.ts'
import { readVouching, unvouchedCheckpoint, unvouchedSeal, type Vouching } from './vouching.ts'

/** `bad`: in words, the first thing that is not as it was sealed, or why a head that was kept proves nothing. */
export type Verdict = Whole | { readonly kind: 'broken' | 'unproved'; readonly bad: string }

type Whole = {
  readonly kind: 'whole'
  readonly last: AuditHead | undefined
  readonly rows: number
  readonly unsealed: number
  /** The seal after which the record begins, if what lies before has aged. */
  readonly checkpoint?: string
  /** The seal up to which somebody accepted the record as it was. */
  readonly accepted?: string
}

/**
 * Goes through the whole chain, and computes all of it anew from the rows. `heads` were kept elsewhere, as the log reports them: each must be in the
 * chain, so that nothing can have been cut off after it. So must every head for which the key vouches.
 */
export const verifyAudit = (
  database: Pick<Database, 'transaction'>,
  key: AuditKey,
  heads: readonly AuditHead[] = [],
): Promise<Verdict> => database.transaction(connection => verifyWithin(connection, key, heads))

/** The same within a transaction. Nothing ages until that ends: what had gone meanwhile would look as if somebody had removed it. */
export const verifyWithin = async (
  connection: Connection,
  key: AuditKey,
  heads: readonly AuditHead[] = [],
): Promise<Verdict> => {
  await connection.run(sql.fragment`SELECT pg_advisory_xact_lock_shared(${ageing})`)
  const vouching = await readVouching(connection, key)
  const walk: Walk = { vouching, wanted: wantedOf(heads, vouching), checkpoint: '0', last: undefined, rows: 0 }
  const bad =
    (await walkCheckpoint(connection, walk)) ??
    (await walkSeals(connection, walk)) ??
    cutOff(walk) ??
    (await walkRest(connection, walk))
  if (typeof bad === 'string') return { kind: 'broken', bad }
  const { last, rows, checkpoint } = walk
  const aged = heads.find(({ seal }) => BigInt(seal) < BigInt(checkpoint))
  if (aged !== undefined)
    return { kind: 'unproved', bad: `seal ${aged.seal} has aged: the record begins behind seal ${checkpoint}` }
  const accepted = vouching.attestations.map(one => one.accepted).findLast(seal => BigInt(seal) > BigInt(checkpoint))
  return {
    kind: 'whole',
    last: last && { seal: last.seal, head: last.head.toString('hex') },
    rows,
    unsealed: bad.unsealed,
    ...(checkpoint === '0' ? {} : { checkpoint }),
    ...(accepted === undefined ? {} : { accepted }),
  }
}

/** The lock of whoever ages the record. */
export const ageing = sql.fragment`hashtext('audit_age')`

type Walk = {
  readonly vouching: Vouching
  /** Heads that were not found yet, by the number of their seal. */
  readonly wanted: Map<string, readonly Wanted[]>
  checkpoint: string
  last: Last | undefined
  rows: number
}

type Wanted = AuditHead & { readonly why: 'logged' | 'attested' }

type Last = {
  readonly seal: string
  readonly epoch: number
  readonly snapshot: string
  readonly head: Buffer
  readonly key: string
  readonly mac: Buffer
}

const wantedOf = (heads: readonly AuditHead[], { attestations }: Vouching): Walk['wanted'] => {
  const logged = heads.map((head): Wanted => ({ ...head, why: 'logged' }))
  const attested = attestations.map(({ seal, head }): Wanted => ({ seal, head: head.toString('hex'), why: 'attested' }))
  return Map.groupBy([...logged, ...attested], ({ seal }) => seal)
}

const walkCheckpoint = async (connection: Connection, walk: Walk): Promise<string | undefined> => {
  const checkpoint = await connection.maybeOne<Last & { rows: string }>(sql.fragment`
    SELECT seal, epoch, snapshot::text AS snapshot, head, key, rows, mac FROM audit_checkpoint ORDER BY seal DESC LIMIT 1`)
  if (checkpoint === undefined) return undefined
  const bad = unvouchedCheckpoint(walk.vouching, checkpoint)
  if (bad !== undefined) return bad
  const { seal } = checkpoint
  for (const wanted of walk.wanted.keys()) if (BigInt(wanted) < BigInt(seal)) walk.wanted.delete(wanted)
  walk.checkpoint = seal
  walk.last = checkpoint
  return metHead(walk)
}

type Seal = Last & {
  readonly sealed: Date
  readonly ids: readonly string[]
  readonly marks: Buffer
}

const walkSeals = async (connection: Connection, walk: Walk): Promise<string | undefined> => {
  for (;;) {
    const seals = await connection.any<Seal>(sql.fragment`
      SELECT seal, epoch, snapshot::text AS snapshot, sealed, ids::text[] AS ids, marks, head, key, mac FROM audit_seal
      WHERE seal > ${walk.last?.seal ?? '0'}::bigint ORDER BY seal LIMIT 100`)
    for (const seal of seals) {
      const bad = await walkSeal(connection, walk, seal)
      if (bad !== undefined) return bad
    }
    if (seals.length === 0) return undefined
  }
}

const walkSeal = async (connection: Connection, walk: Walk, seal: Seal): Promise<string | undefined> => {
  const { last } = walk
  const number = BigInt(last?.seal ?? 0) + 1n
  if (seal.seal !== String(number)) return `seal ${number} was removed`
  const from = last?.epoch === seal.epoch ? last.snapshot : nothing
  const found = await connection.any<Found>(sql.fragment`
    SELECT ${fields} AS fields, coalesce(written LIKE '% %', FALSE) AS "isOfEvent", ${isShown} AS "isShown"
    FROM ${recordsBetween({ epoch: seal.epoch, snapshot: from }, seal.snapshot)} AS found
    CROSS JOIN LATERAL (SELECT (found.record).*) AS audit_record ORDER BY id`)
  const rows = found.map(row => ({ id: idOf(row), digest: digestOfRow(row) }))
  const consents = await connection.any<{ fields: readonly string[] }>(sql.fragment`
    SELECT ${consentFields} AS fields FROM audit_consent WHERE record = ANY(${columnOf(rows, ({ id }) => id, 'int8')})
    ORDER BY record, consent`)
  const head = headOf(last?.head, seal, whole(rows.map(({ digest }) => digest)), whole(consents.map(digestOfRow)))
  const badRow = firstBadRow(seal, rows)
  if (badRow !== undefined || !head.equals(seal.head)) return badRow ?? `seal ${seal.seal} is not what was sealed`
  const hidden = found.find(row => !row.isShown)
  const ofEvents = found.filter(({ isOfEvent }) => isOfEvent).map(idOf)
  const bad =
    unvouchedSeal(walk.vouching, seal) ??
    (hidden && `row ${idOf(hidden)} is not shown to a patient whom it concerns`) ??
    (await findChangedEvent(connection, ofEvents))
  if (bad !== undefined) return bad
  walk.last = seal
  walk.rows += rows.length
  return metHead(walk)
}

type Fields = { readonly fields: readonly (string | null)[] }

/** `isOfEvent`: it is about something that was written as an AuditEvent; `isShown`: all patients whom it concerns can find it. */
type Found = Fields & { readonly isOfEvent: boolean; readonly isShown: boolean }

const idOf = ({ fields: [id] }: Fields): string => id ?? ''

const digestOfRow = ({ fields }: Fields): Buffer => digestOf(fields)

const whole = (digests: readonly Buffer[]): Buffer => Buffer.concat(digests)

type Row = { readonly id: string; readonly digest: Buffer }

const firstBadRow = ({ ids, marks, seal }: Seal, rows: readonly Row[]): string | undefined => {
  const byId = new Map(rows.map(row => [row.id, row]))
  const sealed = new Set(ids)
  const kept = marksIn(marks)
  for (const [index, id] of ids.entries()) {
    const row = byId.get(id)
    if (row === undefined) return `row ${id}, which seal ${seal} has, was removed`
    if (!markOf(row.digest).equals(kept[index] ?? Buffer.alloc(0)))
      return `row ${id}, which seal ${seal} has, was changed`
  }
  const added = rows.find(({ id }) => !sealed.has(id))
  return added && `row ${added.id} was added behind seal ${seal}`
}

/** Each field as text, as in `audit_digest`. */
const fields = sql.fragment`ARRAY[id::text, epoch::text, xact::text, (extract(epoch FROM recorded) * 1000000)::bigint::text,
  request, person, practitioner, patient, client, study, interaction, operation, type, resource, patients::text, kinds::text,
  query, outcome::text] || CASE WHEN kinds_of IS NULL THEN '{}'::text[] ELSE ARRAY['kinds_of ' || kinds_of::text] END
  || CASE WHEN written IS NULL THEN '{}'::text[] ELSE ARRAY['written ' || written] END`

/** A patient, and the accounting of disclosures, find it through a row with the same time under the patient's number. */
const isShown = sql.fragment`(patients = '{}' OR (SELECT patients FROM audit_patients_now(audit_record.patients)) <@ ARRAY(
  SELECT shown.patient_id FROM audit_shown AS shown
  WHERE shown.recorded = audit_record.recorded AND shown.record = audit_record.id))`

const consentFields = sql.fragment`ARRAY[record::text, (extract(epoch FROM recorded) * 1000000)::bigint::text, patient::text,
  consent, version::text, given_to]`

const metHead = ({ wanted, last }: Walk): string | undefined => {
  if (last === undefined) return undefined
  const other = wanted.get(last.seal)?.find(({ head }) => head !== last.head.toString('hex'))
  wanted.delete(last.seal)
  return other && `seal ${last.seal} is another than the one that was ${other.why}`
}

const cutOff = ({ wanted }: Walk): string | undefined => {
  const [[missing] = []] = wanted.values()
  return missing && `the end was cut off: seal ${missing.seal}, which was ${missing.why}, is not there`
}

/** Counts rows that wait for their seal, and finds those that no seal will ever have. */
const walkRest = async (
  connection: Connection,
  { last, rows }: Walk,
): Promise<string | { readonly unsealed: number }> => {
  const epoch = last?.epoch ?? 0
  const { count, waiting } = await connection.one<{ count: string; waiting: string }>(sql.fragment`
    SELECT count(*) AS count, count(*) FILTER (WHERE epoch > ${epoch} OR (epoch = ${epoch}
      AND ${laterThan(last?.snapshot ?? everything)} AND pg_visible_in_snapshot(xact, pg_current_snapshot()))) AS waiting
    FROM audit_record`)
  const { strangers } = await connection.one<{ strangers: string }>(sql.fragment`
    SELECT count(*) AS strangers FROM audit_consent
    WHERE NOT EXISTS (SELECT FROM audit_record WHERE audit_record.id = audit_consent.record)`)
  if (strangers !== '0') return `${strangers} consents were added beside rows that are not there`
  const unsealed = Number(waiting)
  return Number(count) === rows + unsealed
    ? { unsealed }
    : `${Number(count) - rows - unsealed} rows were added that no seal has`
}
