import type { Interaction } from '../interactions/interaction.ts'
import { interactions } from '../interactions/interactions.ts'
import { cgmSummaryOperation } from './cgm-summary.ts'
import { completeness } from './completeness.ts'
import { dailySummary } from './daily-summary.ts'
import { groupEverything, patientEverything } from './everything.ts'
import { expand } from './expand.ts'
import { glucoseProfile } from './glucose-profile.ts'
import { lastn } from './lastn.ts'
import { meta } from './meta.ts'
import { metaAdd, metaDelete } from './meta-change.ts'
import { type Operation, routesOf } from './operation.ts'
import { points } from './points.ts'
import { series } from './series.ts'
import { stats } from './stats.ts'
import { submitCgmBundle } from './submit-cgm-bundle.ts'
import { subscriptionEvents, subscriptionStatus, websocketBinding } from './subscription-status.ts'
import { validate } from './validate.ts'
import { validateCodeInCodeSystem, validateCodeInValueSet } from './validate-code.ts'

/** The operations that are served. Routes, scope letters and the CapabilityStatement are made from this table. */
export const operations: readonly Operation[] = [
  cgmSummaryOperation,
  completeness,
  dailySummary,
  expand,
  glucoseProfile,
  groupEverything,
  lastn,
  meta,
  metaAdd,
  metaDelete,
  patientEverything,
  points,
  series,
  stats,
  submitCgmBundle,
  subscriptionEvents,
  subscriptionStatus,
  websocketBinding,
  validate,
  validateCodeInCodeSystem,
  validateCodeInValueSet,
]

/** Everything that answers below the FHIR base. */
export const routes: readonly Interaction[] = [...interactions, ...operations.flatMap(routesOf)]
