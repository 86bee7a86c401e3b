import { name, sql } from '../sql.ts'
import { inForce } from './reference.ts'

/** A row of `enrolment` is in force now. Exactly these are a Group's members, wherever they are served, searched for or followed. */
export const isEnrolled = sql.fragment`(
  enrolment.in_force AND ${inForce(name('enrolment'))})`
