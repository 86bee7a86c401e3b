import type { Interaction } from '../interactions/interaction.ts'
import { interactions } from '../interactions/interactions.ts'
import { groupEverything, patientEverything } from './everything.ts'
import { lastn } from './lastn.ts'
import { meta } from './meta.ts'
import { metaAdd, metaDelete } from './meta-change.ts'
import { type Operation, routesOf } from './operation.ts'
import { stats } from './stats.ts'
import { validate } from './validate.ts'

/** The operations that are served. Routes, scope letters and the CapabilityStatement are derived from this. */
export const operations: readonly Operation[] = [
  groupEverything,
  lastn,
  meta,
  metaAdd,
  metaDelete,
  patientEverything,
  stats,
  validate,
]

/** Everything that answers below the FHIR base. */
export const routes: readonly Interaction[] = [...interactions, ...operations.flatMap(routesOf)]
