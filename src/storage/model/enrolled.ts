import { name, sql } from '../sql.ts'
import { inForce } from './reference.ts'

/** A row of `enrolment` that stands now: such are a Group's members, wherever they are served, asked for or followed. */
export const isEnrolled = sql.fragment`(
  enrolment.in_force AND ${inForce(name('enrolment'))})`
