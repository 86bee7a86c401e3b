import { type SqlFragment, sql } from '../sql.ts'

/** A moment as FHIR writes it, or its day in UTC; null if it is null. The texts are in the order of the times. */
export const measuredTime = (time: SqlFragment, isDay: SqlFragment): SqlFragment => sql.fragment`
  to_char(${time} AT TIME ZONE 'UTC', CASE WHEN ${isDay} THEN 'YYYY-MM-DD' ELSE 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"' END)`
