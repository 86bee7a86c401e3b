import { sql } from '../sql.ts'

/** A row of `enrolment` that stands now: such are a Group's members, wherever they are served, asked for or followed. */
export const isEnrolled = sql.fragment`(
  enrolment.in_force AND now() >= enrolment.period_start AND now() < enrolment.period_end)`
