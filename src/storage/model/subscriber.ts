import type { Subscription } from '@medplum/fhirtypes'
import { intervalOf } from '../../fhir/date.ts'
import { FhirError } from '../../fhir/error.ts'
import { heartbeatOf, subscribedType } from '../../fhir/subscription.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import { each, type Projected } from './projection.ts'

/**
 * Whoever writes a Subscription is its subscriber from then on, with the token that they wrote it with. What the server itself writes
 * does not change that.
 */
export const projectSubscribers = each<Subscription>(
  async (connection, { patientId, pk, id, resource }, { tokenHash }) => {
    if (resource === undefined) return removeSubscriber(connection, id)
    const state = {
      status: resource.status,
      type: subscribedType(resource) ?? '',
      end: (resource.end === undefined ? undefined : intervalOf(resource.end)?.low) ?? 'infinity',
      heartbeat: heartbeatOf(resource) ?? null,
    }
    if (tokenHash === undefined) {
      await connection.run(sql.fragment`
      UPDATE subscriber SET status = ${state.status}, type = ${state.type}, ends_at = ${state.end}::timestamptz,
        heartbeat = ${state.heartbeat}
      WHERE id = ${id}`)
      return
    }
    await connection.run(sql.fragment`
    INSERT INTO subscriber (id, status, type, ends_at, heartbeat, hash, kind, person_id, patient_id, client_id, scope, context, grant_id,
      changed_before)
    SELECT ${id}, ${state.status}, ${state.type}, ${state.end}::timestamptz, ${state.heartbeat}::integer, hash, kind, person_id, patient_id, client_id,
      scope, context, grant_id, ${waitingChanges(state.type)}
    FROM token WHERE hash = ${sql.binary(tokenHash)}
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, type = excluded.type, ends_at = excluded.ends_at,
      heartbeat = excluded.heartbeat, hash = excluded.hash, kind = excluded.kind, person_id = excluded.person_id, patient_id = excluded.patient_id,
      client_id = excluded.client_id, scope = excluded.scope, context = excluded.context, grant_id = excluded.grant_id,
      writing = subscriber.writing + 1, failed_at = NULL,
      changed_before = CASE WHEN subscriber.status = 'off' THEN excluded.changed_before ELSE subscriber.changed_before END,
      rests_until = CASE WHEN ${asksTheSame({ patientId, pk, resource })} THEN subscriber.rests_until END`)
    if (state.status !== 'off') await refuseTooMany(connection, id)
  },
)

/** The positions of what others are to be told of, and was not taken yet. */
const waitingChanges = (type: string) => sql.fragment`ARRAY(
  SELECT position FROM change WHERE change.type = ${type} ORDER BY position LIMIT ${mostWaiting})`

/** Seldom more than a few wait. If there are more than this many, it is told of the rest. */
const mostWaiting = 1000

/** Whether it asks the same as the version before. If that could not be answered in time, it goes on resting; anything else is asked at once. */
const asksTheSame = ({ patientId, pk, resource }: Pick<Projected<Subscription>, 'patientId' | 'pk' | 'resource'>) => {
  const { criteria, _criteria } = resource as Subscription & { readonly _criteria?: object }
  return sql.fragment`(
    SELECT jsonb_build_array(before.content -> 'criteria', before.content -> '_criteria')
      = ${JSON.stringify([criteria, _criteria ?? null])}::jsonb
    FROM subscription_history AS before
    WHERE before.patient_id = ${patientId} AND before.pk = ${pk} ORDER BY before.version DESC LIMIT 1)`
}

/**
 * The row stays: the client through which it was written decides who may see that there was a Subscription. So do its numbers, since the delivery of
 * an event may still be under way, which then counts as told.
 */
const removeSubscriber = async (connection: Connection, id: string): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE subscriber SET status = 'off', last_told = last_event WHERE id = ${id}`)
  await connection.run(sql.fragment`DELETE FROM subscription_event WHERE subscription = ${id}`)
}

/** One after the other for each subscriber: two at the same time would not count each other. */
const refuseTooMany = async (connection: Connection, id: string): Promise<void> => {
  await connection.run(sql.fragment`
    SELECT pg_advisory_xact_lock(hashtext('subscriber'), hashtext(jsonb_build_array(kind, client_id, person_id, patient_id)::text))
    FROM subscriber WHERE id = ${id}`)
  const { count } = await connection.one<{ count: number }>(sql.fragment`
    SELECT count(*)::integer AS count
    FROM subscriber AS own
    JOIN subscriber AS other ON (other.kind, other.client_id) = (own.kind, own.client_id)
      AND other.person_id IS NOT DISTINCT FROM own.person_id AND other.patient_id IS NOT DISTINCT FROM own.patient_id
    WHERE own.id = ${id} AND other.status <> 'off'`)
  if (count > mostSubscriptions)
    throw new FhirError(
      'business-rule',
      `There are ${mostSubscriptions} Subscriptions already that are not off; turn one off, or delete it`,
      { expression: 'Subscription.status' },
    )
}

/** For one person, patient or client through one client. Each Subscription costs a question whenever a resource of its type changes. */
const mostSubscriptions = 100
