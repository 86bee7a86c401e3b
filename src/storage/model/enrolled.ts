import { name, sql } from '../sql.ts'
import { inForce } from './reference.ts'

/** A row of `enrolment` is in force now. Exactly these are a Group's members, wherever they are served, searched for or followed. */
export const isEnrolled = sql.fragment`(
  enrolment.in_force AND ${inForce(name('enrolment'))})`

/** Every other status is in force, even that of somebody who is only invited: nothing is opened but by the patient's consent. */
export const ended: ReadonlySet<string> = new Set(['ineligible', 'not-registered', 'off-study', 'withdrawn'])
